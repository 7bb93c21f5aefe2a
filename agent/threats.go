// # The threats, and the test that holds each
//
// Whoever reaches the webhook, holds a stolen token, can create an alert, writes to the repository or runs the git server is taken for hostile. The
// worst that could come of it, in this order: code of an attacker's choice is deployed, a version with a known hole is restored, nobody can ship any
// more, credentials are stolen, evidence is erased. Four decisions close most of it: our own Prometheus must agree with a webhook; labels choose
// nothing; there is no work tree; what is gone back to was pinned beforehand.
//
// Each threat has a number by STRIDE (C: of the supply chain), what it is, and the tests that hold it, by package and name, or a story of testdata.
// What no test holds is said with its reason. cmd/threats_test.go fails when a threat or a test named here is missing.
//
//	S1   forged webhook: no token, or a wrong one
//	     agent/web.TestWhatIsNoTokenIsRefused, agent/web.TestACertificateIsAToken
//	     not held: 10,000 samples of time would not show it without failing now and then; it is so by construction: what is compared, in constant time,
//	     are SHA-256 digests of all tokens, whatever the length and the beginning of what was sent
//
//	S2   stolen token
//	     agent.TestATokenTellsOfItsOwnEnvironmentsAlone, agent.TestWebhooksThatMoveNothing, agent/web.TestTokensAreReadAgainAtEachRequest,
//	     agent/web.TestBothSecretsOfATokenAreOnePerson, agent/web.TestASessionEnds, testdata/rollback-agent/serve.txtar
//
//	S3   replayed webhook
//	     agent.TestWebhooksThatMoveNothing, agent.TestAnOldBodySentAgainDisarmsNothing, agent/rollback.TestDeliveriesInAnyOrderOpenAtMostOneEpisode
//
//	S4   address made up by X-Forwarded-For
//	     agent/web.TestNobodyMakesUpWhereHeComesFrom
//
//	S5   forged or moved tag
//	     agent/gitrepo.TestTagsAreJudgedAsGitJudgesThem, agent/gitrepo.TestASignedTagCannotBePassedOffAsAnother, agent/gitrepo.TestCheckPin,
//	     agent/gitrepo.FuzzTagsAreReadAsGitReadsThem, agent.TestFiringsThatMustNotRollBack
//
//	S6   false git server, or one between
//	     agent/gitrepo.TestHostKeys, agent/gitrepo.TestTLS, agent/gitrepo.TestRedirectTakesNothingAlong, cmd.TestNobodyIsTrustedUnseen
//
//	S7   false Prometheus
//	     agent/evidence.TestAPrometheusThatMisbehavesIsUnknown, agent/evidence.TestAlertmanagersThatMisbehave
//
//	S8   somebody else's approval
//	     agent/web.TestADeedHasTheTokenAsItsAuthor, agent/web.TestADeedIsReadStrictly, agent.TestAProposalIsApprovedByAPersonAndByNobodyElse
//
//	T1   label that becomes a command
//	     agent/verify.TestVerdicts, agent/verify.TestNothingOfTheAgentReachesAGate
//
//	T2   label or name that becomes a ref or a path
//	     agent/gitrepo.TestOpenRefuses, agent/gitrepo.TestPathsThatCannotBePutBackAreRefused, agent/config.TestEveryMistakeIsShownWhereItIs
//
//	T3   text that becomes a trailer of a commit
//	     agent/gitrepo.TestTrailersAreOursWhateverOthersSay
//
//	T4   text that becomes a line of a log
//	     agent.TestEachRecordOfTheLogIsOneLine
//
//	T5   label that becomes a series
//	     agent.TestLabelsMakeNoSeries
//
//	T6   text that becomes markup
//	     agent/web.TestTextNeverBecomesMarkup, agent/report.TestHostileTextsAreTexts, agent/report.TestThePageLoadsAndRunsNothing,
//	     agent/browser.TestTwoPersonsRollBackAndOpenTheLockByClicking, agent/notify.TestTheChatGetsJSONWhateverTheTextIs
//
//	T7   text that a reader cannot see, or sees turned around
//	     agent/web.TestTextNeverBecomesMarkup, agent/web.TestTheRecordIsTextThatMovesNoCursor, agent/config.TestEveryMistakeIsShownWhereItIs
//
//	T8   edited ledger
//	     agent/ledger.TestEveryTamperingIsFoundWithItsEntry, agent/ledger.TestTamperingWithTheBeginningIsFound,
//	     agent/ledger.TestVerifyFindsTamperingWhileItIsOpen, agent/ledger.TestADatabaseThatHasGoneBackIsNoticed, agent/ledger.TestLostEntriesAreMissed
//	     not held: who can write the ledger's folder can take the file away, which is noticed and not prevented; the folder is not looked at as those of
//	     the configuration are, since the volumes of pods are often open (0777) where nobody else is. The unit's StateDirectory is 0700
//
//	T9   configuration or script exchanged
//	     agent/config.TestWhoMayHoldAFile, agent/config.TestAFolderInWhichOthersCanExchangeAFileIsRefused,
//	     agent/config.TestWhatOthersCanExchangeIsNotRead, agent/verify.TestTheCheckoutIsThatCommitAndIsGoneAfterwards
//
//	T10  malicious repository
//	     agent/gitrepo.TestHostileTreesAreRefused, agent/gitrepo.FuzzTreesAndLocksAreReadWhole, agent/verify.TestACheckoutThatCannotBeMadeIsAnError,
//	     agent/verify.TestNoLogLeadsOutOfTheCheckout
//	     not held: a rollback of everything names the pinned tree and reads none: that tree was on this branch of this remote before, and whether it is
//	     well made was for the remote to say when it came (receive.fsckObjects); reading it whole would make a rollback cost the repository's size
//
//	T11  restored version with a known hole
//	     agent.TestWhatHasAKnownHoleIsNotRestored, agent.TestWhatIsForbiddenAfterItWasPreparedIsNotPushed
//
//	T12  text that becomes SQL
//	     agent/ledger.TestItKeepsTheContract, agent/ledger.TestASharedLedger
//
//	R1   nobody did it
//	     cmd/rollback-agent.TestEveryEntryHasItsAuthor, agent/rollback.TestPersonsAreNamedInTheState, agent/web.TestAButtonIsADeedOfWhoIsSignedIn
//	     not held: from which address a deed came is in the log at debug, and not in the ledger: behind a proxy it would name the proxy
//
//	R2   evidence lost by tidying up
//	     agent.TestWhatIsOldAndDoneIsCut, agent/rollback.TestAnIncidentIsOpenUntilItsEnd, agent/ledger.TestExportHasALineWithItsHashForEveryEntry
//
//	I1   secrets in what is put out
//	     agent/config.TestSecretsAreNeverPrinted, agent/config.TestWhatIsShownIsReadableAgainAndHasNoSecret,
//	     agent/config.TestADiagnosticIsDrawnAndASecretInTheLineIsNot, agent/config.TestEverySecretIsTakenOutInEveryForm,
//	     agent/gitrepo.TestWhatTheServerEchoesOfOurCredentialsIsNotTold, agent/verify.TestOutputIsCutCleanedAndRedacted,
//	     cmd/rollback-agent.TestNoSecretIsInAnyOutput, cmd/rollback-agent.TestALogIsWithoutSecretsWhoeverWroteIt, agent.TestAChatsAddressIsNotTold
//	     not held: what Go's runtime prints when the whole program crashes goes past the log; a panic that is not caught would print its value.
//	     Credentials and keys for git are read again at every request or connection: what was put into such a file after the last load is taken out of
//	     what the git server says, and not of what a gate prints, until the next reload. A gate that can read them is E4
//
//	I2   pages without a token
//	     agent/web.TestEachTokenOpensItsRoutesOnly, agent/web.TestNoRouteIsForgotten, testdata/rollback-agent/serve.txtar
//	     not held: no token is asked for at /metrics and /-/ready, as Prometheus and a kubelet expect; they name services, releases and gates, and no
//	     secret. Who minds listens on loopback, which is what it does unless told otherwise, or asks for client certificates
//
//	I3   URL of a body that is fetched
//	     agent.TestNoAddressInABodyIsAsked
//
//	I4   persons' data in alerts
//	     agent.TestHugeAndHostileLabelsAreCut
//
//	I5   services told apart by the kind of a refusal
//	     agent/web.TestWhatIsNoneOfATokensLooksLikeNothing, agent/web.TestATokenThatIsBoundSeesItsEnvironmentsAlone
//
//	D1   oversized or malformed body
//	     agent/web.TestAWebhookOverTheLimitIsTooLarge, agent/web.TestWhatCanBeReadInTwoWaysIsNotRead, agent/web.FuzzUnambiguous,
//	     agent.TestNoBodyIsAServersError, agent.TestBodiesThatAreNoDelivery, agent.TestHugeAndHostileLabelsAreCut, agent.FuzzDelivery
//
//	D2   slow bodies and idle connections
//	     cmd/rollback-agent.TestSlowClientsKeepNobodyWaiting
//	     not held: a flood of more than 10,000 connections, or than half of the files that the process may open, makes webhooks wait for those that are cut
//	     off after 5 seconds (no header, or idle) to 15 (a body), and a client that asks for something again before that, without a token too, keeps its
//	     place: a proxy or a firewall that bounds one address's connections stands against that. Alertmanager sends again, and what never arrives is
//	     found by asking (agent.TestWhatWasCutFromAGroupIsFoundAndRollsBack)
//
//	D3   storm of alerts as a storm of rollbacks
//	     agent.TestAStormOfAlertsIsNoStormOfRollbacks, agent.TestABadReleaseIsRolledBackOnceHoweverOftenItIsReported,
//	     agent.TestAFloodOfAlertsDelaysNoDecision, agent/rollback.TestDecideRollsBackOnlyWhenEveryAnswerAllowsIt, agent.TestABrakeWaitsForNobody
//
//	D4   lock that is held for ever
//	     agent.TestWhatAPersonMustKnowIsPagedAndStops, agent.TestACancelledRollbackIsNotPushed, agent.TestALockInGitOutlivesTheLedger
//
//	D5   regular expression or template that does not end
//	     agent/notify.TestATemplateCanOnlyFillIn, agent/notify.TestATemplateThatGivesNoJSONIsRefused, agent/config.TestWhoMayHoldAFile
//
//	D6   huge repository, bomb of a pack
//	     agent/gitrepo.TestReadPackRefuses, agent/gitrepo.TestAnswerIsBounded, agent/gitrepo.FuzzPack, agent/gitrepo.TestDiffIsBounded,
//	     agent/gitrepo.TestRollbackIsThreeRequestsAndTheReread, agent/gitrepo.TestSilentSSHServer
//	     not held: gates' checkouts are made by the git command, whose memory only the unit or the pod bounds; they cost a verdict, and no rollback
//
//	D7   gate that forks or floods
//	     agent/verify.TestADeadlineEndsAGateWithAllThatItStarted, agent/verify.TestASessionOfItsOwnIsNoEscape,
//	     agent/verify.TestOutputIsCutCleanedAndRedacted
//
//	E1   button pressed by a foreign page
//	     agent/web.TestNobodyElsePressesAButton, agent/web.TestTheCookieIsNoTokenAndStaysInTheBrowser, agent.TestAnOldTabDoesNothing
//
//	E2   route reached by another path
//	     agent/web.TestEveryPathAsksForTheTokenHoweverItIsWritten, agent/web.TestNoPathRedirectsOrReachesAnotherRoute,
//	     agent/web.TestOtherMethodsAreNotAllowed, agent/web.TestNoRouteIsForgotten
//
//	E3   one team's alert rolls another's service back
//	     agent.TestATokenTellsOfItsOwnEnvironmentsAlone, agent/web.TestATokenIsGoodForItsEnvironmentsAlone
//
//	E4   gate with the agent's rights
//	     agent/verify.TestNothingOfTheAgentReachesAGate, agent/verify.TestAPrivateRepositoryIsReadWithCredentialsThatNoGateFinds,
//	     agent/verify.TestAPrivateRepositoryIsReadOverSSHWithAKey, cmd/rollback-agent.TestNoSecretIsInAnyOutput
//	     not held: a gate has the agent's user where root did not start the agent (the systemd unit, unless gates-as-nobody.conf is added), and may read
//	     what that user may; its file system and network are its own only as far as the unit or the pod says
//
//	E5   deploy key that may do too much
//	     agent/gitrepo.TestATrialTellsWhatTheServersRulesAreAndChangesNothing, agent.TestTheDoctorFindsWhatIsWrong,
//	     agent/gitrepo.TestHookGuardsTheLockedBranch, agent/gitrepo.TestStaleTipIsMovedWithoutAPush
//	     not held: what the key may do in other repositories is the git server's to say; INSTALL.md says what to allow
//
//	E6   service that may do too much
//	     deploy.TestSystemdAcceptsTheUnit, deploy.TestPodsMayDoNothing
//	     not held: no container is started, since the tests need no engine; the image's program is static and its user owns nothing
//
//	C1   vulnerable module
//	     deploy.TestAVulnerableModuleFailsTheTests
//	     not held: a seeded vulnerable version is not tried, since it would take the database over the network; CI requires it with GOVULNDB
//
//	C2   exchanged release
//	     not held: the two builds of `make reproducible`, which compares every byte, take minutes and are no part of `make test`; archives come with
//	     SHA256SUMS and lists of parts, and without a signature, since the project has no key to sign with
//
//	C3   actions of CI
//	     deploy.TestActionsAreThoseThatWereLookedAt, deploy.TestTheActionRunsCommandsThatExist
//
//	C4   cell that becomes a query or a template
//	     generator.TestNoTextOfACellReachesPromQLOrATemplate
package agent
