package config

import "github.com/coclai/cutover/generator/diag"

// The file as it is written: every value with its place, so that what is wrong with it can be shown.
type (
	file struct {
		At             diag.Position     `yaml:"-"`
		Version        diag.Text         `yaml:"version"`
		Storage        storage           `yaml:"storage"`
		MaxMode        diag.Text         `yaml:"max_mode"`
		KillSwitchFile diag.Text         `yaml:"kill_switch_file"`
		Web            web               `yaml:"web"`
		Environments   []environmentFile `yaml:"environments"`
	}
	storage struct {
		SQLite diag.Text `yaml:"sqlite"`
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
		Author          authorFile    `yaml:"author"`
		SigningKeyFile  diag.Text     `yaml:"signing_key_file"`
		StableTags      stableTags    `yaml:"stable_tags"`
	}
	authorFile struct {
		Name  diag.Text `yaml:"name"`
		Email diag.Text `yaml:"email"`
	}
	stableTags struct {
		SignersFile diag.Text `yaml:"signers_file"`
	}
	budgetFile struct {
		PerRelease diag.Text `yaml:"per_release"`
		PerDay     diag.Text `yaml:"per_day"`
	}
	armFile struct {
		Auto    diag.Text `yaml:"auto"`
		Propose diag.Text `yaml:"propose"`
	}
)
