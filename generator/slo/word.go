package slo

// The kinds of SLI, as the plan names them.
const (
	KindRatio    = "ratio"
	KindLatency  = "latency"
	KindRestarts = "restarts"
	KindCount    = "count"
	KindState    = "state"
	KindGate     = "gate"

	KindAvailability = "availability"
	KindExpr         = "expr"
)

// The steps of a cutover. Manual is any that the program does not know: a checklist is for people first.
const (
	StepTag      = "tag"
	StepRecheck  = "recheck"
	StepAnnounce = "announce"
	StepDeploy   = "deploy"
	StepObserve  = "observe"
	StepManual   = "manual"
)

// Who does a step.
const (
	ByAgent  = "agent"
	ByPerson = "person"
)

// The steps of a rollback; StepManual is any other.
const (
	RollbackRestore  = "restore"
	RollbackGates    = "gates"
	RollbackClassify = "classify"
	RollbackLock     = "lock"
)

// What a milestone ends.
const (
	EndsIntensive     = "intensive"
	EndsStabilisation = "stabilisation"
	EndsWatch         = "watch"
)

// What is drafted for a milestone, and what it needs of a person.
const (
	DraftReleaseNotes = "release_notes"
	DraftBacklog      = "backlog"
	NeedsJudgement    = "judgement"
	NeedsReading      = "reading"
	NeedsAcceptance   = "acceptance"
)

// Where a baseline comes from: captured by the agent before T0, written in the YAML, or the same window a week ago.
const (
	BaselineFromRelease  = "release"
	BaselineFromFixed    = "fixed"
	BaselineFromLastWeek = "last_week"
)
