package main

import (
	"context"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/version"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/web"
)

const about = `Conducts a release by its plan, and puts the deploy branch back when a trigger fires.

Exit codes: 0 yes or done; 1 no (refused, locked, invalid); 2 could not run or could not tell.`

// examples are appended to kingpin's own usage.
const examples = `{{with .Context.SelectedCommand}}{{with .HelpLong}}
Examples:
{{.}}
{{end}}{{end}}`

// command runs when its name was given.
type command func(context.Context) error

// cli collects the commands while they are declared.
type cli struct {
	app      *kingpin.Application
	commands map[string]command
	client   *client
	printer  *printer
}

// application declares every command with its flags; commands are by full name.
func application(env streams) (*kingpin.Application, map[string]command) {
	app := kingpin.New("rollback-agent", about).UsageWriter(env.out).ErrorWriter(env.err)
	app.UsageTemplate(kingpin.DefaultUsageTemplate + examples)
	app.Terminate(func(code int) { panic(termination(code)) })
	app.Version(version.Print("rollback-agent"))
	c := &cli{app: app, commands: map[string]command{}, client: &client{}, printer: &printer{out: env.out, now: time.Now}}
	c.daemon(env)
	c.ledgers(env)
	c.questions(env)
	c.explain()
	c.doctor(env)
	c.rehearse(env)
	c.conduct()
	c.reports()
	c.cutover()
	c.hand(env)
	c.answers()
	c.brakes()
	c.causes()
	c.replay(env)
	c.gates()
	return app, c.commands
}

// daemon declares what runs without a daemon: serve itself, and the check of its file.
func (c *cli) daemon(env streams) {
	serve := c.app.Command("serve", "Run the agent.").HelpLong(`  rollback-agent serve --config.file /etc/rollback-agent/agent.yaml
  rollback-agent serve --config.file agent.yaml --web.listen-address :9798 --web.config.file tls.yaml`)
	c.commands[serve.FullCommand()] = serveFlags(serve, env)

	check := c.app.Command("check-config", "Read the agent's file and all files it names, and say what is wrong with them.").
		HelpLong(`  rollback-agent check-config --config.file /etc/rollback-agent/agent.yaml`)
	file := check.Flag("config.file", "The agent's file.").Default("agent.yaml").String()
	c.commands[check.FullCommand()] = func(context.Context) error { return checkConfig(*file, env) }
}

// questions declares what only looks.
func (c *cli) questions(env streams) {
	status := c.ask("status", "Show what is released, the lock, and every incident.", `  rollback-agent status
  rollback-agent status --watch
  rollback-agent status --environment checkout/production --output json`)
	watched := status.Flag("watch", "Show it anew whenever it changes, until Ctrl-C; where there is no terminal, a line for each change.").Bool()
	c.commands[status.FullCommand()] = func(ctx context.Context) error {
		if *watched {
			return newWatch(c, env).run(ctx)
		}
		var answer web.Status
		if err := c.client.ask(ctx, "/api/v1/state", map[string]string{"rows": "true"}, &answer); err != nil {
			return err
		}
		return c.printer.status(answer, c.client.environment)
	}

	history := c.ask("history", "Show the last entries of the ledger, newest first.", `  rollback-agent history --limit 100`)
	limit := history.Flag("limit", "How many, 1000 at most.").Default("20").String()
	c.commands[history.FullCommand()] = func(ctx context.Context) error {
		var answer web.History
		query := map[string]string{"environment": c.client.environment, "limit": *limit}
		if err := c.client.ask(ctx, "/api/v1/history", query, &answer); err != nil {
			return err
		}
		return c.printer.history(answer)
	}
}

// explain declares the story of one incident.
func (c *cli) explain() {
	explain := c.ask("explain", "Tell an incident in one page: what fired, what the agent saw, what it did, what it refused and why.",
		`  rollback-agent explain
  rollback-agent explain inc-20260301T020000Z-bbbbbbbb`)
	incident := explain.Arg("incident", "The incident; the last one unless given.").String()
	c.commands[explain.FullCommand()] = func(ctx context.Context) error {
		var answer web.Explanation
		query := map[string]string{"environment": c.client.environment, "incident": *incident}
		if err := c.client.ask(ctx, "/api/v1/explain", query, &answer); err != nil {
			return err
		}
		return c.printer.explanation(answer)
	}
}

// cutover declares the deeds of a release's life, in their order.
func (c *cli) cutover() {
	stable := c.ask("stable", "Tag what production runs as stable, push the tag, and pin it as what a rollback returns to.",
		`  rollback-agent stable
  rollback-agent stable pre-bigbang-cutover-20260301
  rollback-agent stable --last`)
	tag := stable.Arg("tag", "The tag's name; the plan's pattern unless given. With --last, a pattern such as 'v1.*'.").String()
	last := stable.Flag("last", "Only say which of the tags declared stable is the last before the tip.").Bool()
	c.deed(stable, func() release.Deed {
		if *last {
			return release.Deed{Act: release.ActLast, Tag: *tag}
		}
		return release.Deed{Act: release.ActStable, Tag: *tag}
	})

	baseline := c.ask("baseline", "Capture the baselines of the plan, before the release.", `  rollback-agent baseline`)
	c.deed(baseline, func() release.Deed { return release.Deed{Act: release.ActBaseline} })

	deployed := c.ask("deployed", "Say that the deploy branch has moved to a commit: T0.", `  rollback-agent deployed $(git rev-parse origin/production)`)
	at := deployed.Arg("commit", "The release's commit, 40 hexadecimal digits.").Required().String()
	c.deed(deployed, func() release.Deed { return release.Deed{Act: release.ActDeployed, Commit: *at} })

	forward := c.ask("release", "Deploy a commit, or roll forward to it after a rollback. Refused while locked.", `  rollback-agent release $(git rev-parse main)`)
	to := forward.Arg("commit", "The commit, 40 hexadecimal digits.").Required().String()
	c.deed(forward, func() release.Deed { return release.Deed{Act: release.ActRelease, Commit: *to} })
}

// gates declares the question of a deploy job, and CI's reports.
func (c *cli) gates() {
	gate := c.ask("gate", "May this commit be deployed? Exits 0 only if it may.", `  rollback-agent gate $(git rev-parse HEAD) && git push origin HEAD:production`)
	commit := gate.Arg("commit", "The commit, 40 hexadecimal digits.").Required().String()
	c.commands[gate.FullCommand()] = func(ctx context.Context) error {
		var answer release.Answer
		query := map[string]string{"environment": c.client.environment, "commit": *commit}
		if err := c.client.ask(ctx, "/api/v1/gate", query, &answer); err != nil {
			return err
		}
		return c.printer.answer(answer)
	}

	record := c.under(c.app.Command("gates", "The results of gates that CI runs."), "record", "Report the result of a gate.",
		`  rollback-agent gates record 1.4 PASS --commit $(git rev-parse HEAD) --log https://ci.example.org/runs/77`)
	name := record.Arg("gate", "The gate's id in the plan.").Required().String()
	verdict := record.Arg("verdict", "PASS, FAIL or UNKNOWN.").Required().Enum("PASS", "FAIL", "UNKNOWN")
	of := record.Flag("commit", "The commit it ran on.").String()
	log := record.Flag("log", "Where its log is.").String()
	c.deed(record, func() release.Deed {
		return release.Deed{Act: release.ActRecord, Gate: *name, Verdict: release.Verdict(*verdict), Commit: *of, Log: *log}
	})
}

// ask declares a command that speaks to the daemon.
func (c *cli) ask(name, help, examples string) *kingpin.CmdClause {
	return c.flags(c.app.Command(name, help).HelpLong(examples))
}

func (c *cli) under(parent *kingpin.CmdClause, name, help, examples string) *kingpin.CmdClause {
	return c.flags(parent.Command(name, help).HelpLong(examples))
}

func (c *cli) flags(cmd *kingpin.CmdClause) *kingpin.CmdClause {
	c.connection(cmd)
	cmd.Flag("output", "text or json.").Default("text").EnumVar(&c.printer.format, "text", "json")
	return cmd
}

// connection declares where the agent is, and who asks.
func (c *cli) connection(cmd *kingpin.CmdClause) {
	cmd.Flag("agent.url", "Where the agent is.").Envar("ROLLBACK_AGENT_URL").Default("http://127.0.0.1:9798").StringVar(&c.client.url)
	cmd.Flag("token-file", "File with your token.").Envar("ROLLBACK_AGENT_TOKEN_FILE").StringVar(&c.client.tokenFile)
	cmd.Flag("environment", "SERVICE/ENVIRONMENT; may be left out when the agent has only one.").StringVar(&c.client.environment)
}

// deed makes a command of a deed; it is put together when the flags are known.
func (c *cli) deed(cmd *kingpin.CmdClause, of func() release.Deed) {
	c.commands[cmd.FullCommand()] = func(ctx context.Context) error {
		answer, err := c.client.do(ctx, of())
		if err != nil {
			return err
		}
		return c.printer.answer(answer)
	}
}
