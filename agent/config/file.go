package config

import "github.com/coclai/cutover/generator/diag"

// The file as it is written: every value with its place, so that what is wrong with it can be shown.
type (
	file struct {
		At             diag.Position     `yaml:"-"`
		Version        diag.Text         `yaml:"version"`
		Storage        storage           `yaml:"storage"`
		Ledger         ledger            `yaml:"ledger"`
		Logs           diag.Text         `yaml:"logs"`
		Reports        diag.Text         `yaml:"reports"`
		MaxMode        diag.Text         `yaml:"max_mode"`
		KillSwitchFile diag.Text         `yaml:"kill_switch_file"`
		Budget         totalFile         `yaml:"budget"`
		Web            web               `yaml:"web"`
		Environments   []environmentFile `yaml:"environments"`
	}
	storage struct {
		At              diag.Position `yaml:"-"`
		SQLite          diag.Text     `yaml:"sqlite"`
		PostgresDSNFile diag.Text     `yaml:"postgres_dsn_file"`
		Lease           diag.Text     `yaml:"lease"`
	}
	ledger struct {
		Retention diag.Text `yaml:"retention"`
	}
	web struct {
		At     diag.Position `yaml:"-"`
		Tokens []tokenFile   `yaml:"tokens"`
	}
	tokenFile struct {
		At   diag.Position `yaml:"-"`
		Name diag.Text     `yaml:"name"`
		File diag.Text     `yaml:"file"`
		May  []diag.Text   `yaml:"may"`

		Files        []diag.Text `yaml:"files"`
		Certificate  diag.Text   `yaml:"certificate"`
		Environments []diag.Text `yaml:"environments"`
	}
	environmentFile struct {
		At            diag.Position  `yaml:"-"`
		Service       diag.Text      `yaml:"service"`
		Environment   diag.Text      `yaml:"environment"`
		Plan          diag.Text      `yaml:"plan"`
		Prometheus    endpointFile   `yaml:"prometheus"`
		Alertmanagers []endpointFile `yaml:"alertmanagers"`
		Git           gitFile        `yaml:"git"`
		Budget        budgetFile     `yaml:"budget"`
		Arm           armFile        `yaml:"arm"`
		Drill         drillFile      `yaml:"drill"`
		Announce      announceFile   `yaml:"announce"`
		Notify        notifyFile     `yaml:"notify"`
	}
	endpointFile struct {
		At      diag.Position `yaml:"-"`
		URL     diag.Text     `yaml:"url"`
		Timeout diag.Text     `yaml:"timeout"`
	}
	gitFile struct {
		At              diag.Position `yaml:"-"`
		URL             diag.Text     `yaml:"url"`
		Branch          diag.Text     `yaml:"branch"`
		Paths           []diag.Text   `yaml:"paths"`
		CredentialsFile diag.Text     `yaml:"credentials_file"`
		Auth            diag.Text     `yaml:"auth"`
		Timeout         diag.Text     `yaml:"timeout"`
		Proxy           diag.Text     `yaml:"proxy"`
		TLS             tlsFile       `yaml:"tls"`
		SSH             sshFile       `yaml:"ssh"`
		Read            readFile      `yaml:"read"`
		Author          authorFile    `yaml:"author"`
		SigningKeyFile  diag.Text     `yaml:"signing_key_file"`
		StableTags      stableTags    `yaml:"stable_tags"`
		MarkerTags      diag.Text     `yaml:"marker_tags"`
	}
	tlsFile struct {
		At              diag.Position `yaml:"-"`
		CAFile          diag.Text     `yaml:"ca_file"`
		CertificateFile diag.Text     `yaml:"certificate_file"`
		KeyFile         diag.Text     `yaml:"key_file"`
	}
	sshFile struct {
		At             diag.Position `yaml:"-"`
		KeyFile        diag.Text     `yaml:"key_file"`
		AgentSocket    diag.Text     `yaml:"agent_socket"`
		KnownHostsFile diag.Text     `yaml:"known_hosts_file"`
	}
	readFile struct {
		At              diag.Position `yaml:"-"`
		URL             diag.Text     `yaml:"url"`
		CredentialsFile diag.Text     `yaml:"credentials_file"`
		KeyFile         diag.Text     `yaml:"key_file"`
	}
	authorFile struct {
		Name  diag.Text `yaml:"name"`
		Email diag.Text `yaml:"email"`
	}
	stableTags struct {
		SignersFile diag.Text `yaml:"signers_file"`
		KeyringFile diag.Text `yaml:"openpgp_keyring_file"`

		Refuse    []diag.Text `yaml:"refuse"`
		NotBefore diag.Text   `yaml:"not_before"`
	}
	budgetFile struct {
		PerRelease diag.Text `yaml:"per_release"`
		PerDay     diag.Text `yaml:"per_day"`
		Cooldown   diag.Text `yaml:"cooldown"`
	}
	totalFile struct {
		PerDay diag.Text `yaml:"per_day"`
	}
	announceFile struct {
		WebhookFile diag.Text `yaml:"webhook_file"`
		Template    diag.Text `yaml:"template"`
	}
	notifyFile struct {
		WebhookFile diag.Text `yaml:"webhook_file"`
		Template    diag.Text `yaml:"template"`
		LockedAfter diag.Text `yaml:"locked_after"`
	}
	drillFile struct {
		Within   diag.Text `yaml:"within"`
		Required diag.Text `yaml:"required"`
	}
	armFile struct {
		Auto     diag.Text `yaml:"auto"`
		Propose  diag.Text `yaml:"propose"`
		Approval diag.Text `yaml:"approval"`
	}
)
