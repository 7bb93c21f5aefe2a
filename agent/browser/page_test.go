package browser

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
)

// TestTwoPersonsRollBackAndOpenTheLockByClicking is the whole way of an incident on the page. At each stop the page is looked at.
func TestTwoPersonsRollBackAndOpenTheLockByClicking(t *testing.T) {
	w := newWorld(t)
	b := newBrowser(t)
	kim, lee := b.person(w.page.URL), b.person(w.page.URL)
	kim.looksAt("sign-in", "Sign in")
	kim.signIn(kimToken)
	kim.looksAt("empty", "nothing was deployed yet")
	w.fail()

	kim.reads("Roll back?")
	kim.opens("Approve…")
	kim.looksAt("approving", "Puts checkout/production back to")
	kim.presses("approve")
	kim.sees("approved by kim")
	kim.sees("Recorded as a deed of kim")
	w.bad.Store(false)
	w.until("classified", func() bool { return w.phase() == rollback.PhaseClassified })

	lee.signIn(leeToken)
	lee.reads("Whoever finds the cause submits it")
	kim.reads("Whoever finds the cause submits it")
	kim.opens("Submit the cause…")
	kim.fills("cause", "a migration dropped an <script>window.hacked=1</script>index")
	kim.fills("link", "https://wiki.example.org/INC-1234")
	kim.presses("rca")
	kim.sees("now somebody else opens the lock")
	kim.reads("You wrote it: somebody else opens the lock.")

	lee.opens("Submit the cause…") // in a page from before kim did: an old tab
	lee.fills("cause", "the network")
	lee.presses("rca")
	lee.sees("what you saw has changed since")
	lee.sees("Not done")
	lee.reads("somebody must agree to the cause")
	lee.looksAt("locked", "LOCKED")
	lee.opens("Open the lock…")
	lee.presses("unlock")
	lee.sees("Recorded as a deed of lee")
	lee.reads("Redeployment is not locked")

	w.do("lee", release.Deed{Act: release.ActHold, Reason: hostile})
	lee.reads("Held back")
	lee.sees("End the hold")
	lee.looksAt("held", "Held back")
	lee.follows("Incident inc-")
	lee.looksAt("incident", "What was done, by the ledger")
	lee.reads("Sign out")
	lee.signsOut()
	i := w.state().Incidents[0]
	if i.RCA.By != "kim" || i.Unlocked.By != "lee" || i.Decisions[len(i.Decisions)-1].By != "kim" || w.state().Lock != nil {
		t.Errorf("rca by %q, unlocked by %q, %+v", i.RCA.By, i.Unlocked.By, i.Decisions)
	}
}

func (w *world) phase() rollback.Phase {
	if all := w.state().Incidents; len(all) > 0 {
		return all[len(all)-1].Phase
	}
	return ""
}

// browser is one Chromium; each person in it has cookies of their own.
type browser struct {
	t   *testing.T
	ctx context.Context
	axe string
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	axe, err := os.ReadFile("../../.tools/axe-core-4.14.1.js")
	if err != nil {
		t.Fatalf("run `make tools`: %v", err)
	}
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(program(t, "chromium", "chromium-browser", "google-chrome")),
		chromedp.NoSandbox, chromedp.Flag("disable-dev-shm-usage", true)) // as root, and with the little shared memory of a container
	allocated, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, end := chromedp.NewContext(allocated)
	t.Cleanup(end)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start chromium: %v", err)
	}
	return &browser{t: t, ctx: ctx, axe: string(axe)}
}

// person is a window of the browser, with a clean cookie jar.
type person struct {
	*browser
	tab context.Context
	url string
}

func (b *browser) person(url string) *person {
	b.t.Helper()
	tab, end := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	b.t.Cleanup(end)
	if err := chromedp.Do(tab); err != nil { // the window lives as long as the context it is first used with
		b.t.Fatalf("open a window: %v", err)
	}
	p := &person{b, tab, url}
	p.run(chromedp.Navigate(url))
	return p
}

// run does things in the window. Twenty seconds is long for each of them.
func (p *person) run(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, stop := context.WithTimeout(p.tab, 20*time.Second)
	defer stop()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.t.Fatalf("%v\nthe page says:\n%s", err, p.text())
	}
}

func (p *person) text() string {
	text, err := asked[string](p, "document.body.innerText")
	if err != nil {
		return err.Error()
	}
	return text
}

// asked evaluates an expression in the window; what it promises is waited for.
func asked[T any](p *person, expression string) (T, error) {
	ctx, stop := context.WithTimeout(p.tab, 20*time.Second)
	defer stop()
	return chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

func answered[T any](p *person, expression string) T {
	p.t.Helper()
	answer, err := asked[T](p, expression)
	if err != nil {
		p.t.Fatalf("%.100s: %v", expression, err)
	}
	return answer
}

// reads loads the page again, and wants to read something on it.
func (p *person) reads(want string) {
	p.t.Helper()
	p.run(chromedp.Navigate(p.url))
	p.sees(want)
}

func (p *person) sees(want string) {
	p.t.Helper()
	if text := p.text(); !strings.Contains(text, want) {
		p.t.Fatalf("no %q in\n%s", want, text)
	}
}

func (p *person) signIn(token string) {
	p.t.Helper()
	p.run(chromedp.SendKeys(`input[name=token]`, token), submit(`form[action="/session"] button`))
	p.sees("Sign out")
}

func (p *person) signsOut() {
	p.t.Helper()
	p.run(submit(`form[action="/sign-out"] button`))
	p.sees("Your token")
	p.reads("Your token")
}

// opens opens what is folded under a summary.
func (p *person) opens(summary string) {
	p.t.Helper()
	p.run(chromedp.Click(fmt.Sprintf(`//summary[normalize-space()=%q]`, summary), chromedp.NodeVisible))
}

func (p *person) fills(name, text string) {
	p.t.Helper()
	p.run(chromedp.SendKeys(`details[open] [name=`+name+`]`, text, chromedp.NodeVisible))
}

// presses presses the button of the form of an act.
func (p *person) presses(act string) {
	p.t.Helper()
	p.run(submit(`//form[input[@name="act" and @value="` + act + `"]]//button`))
}

func (p *person) follows(link string) {
	p.t.Helper()
	p.run(submit(`//a[contains(., "` + link + `")]`))
}

// submit clicks what leads to another page, and waits for it.
func submit(selector string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.RunResponse(ctx, chromedp.Click(selector, chromedp.NodeVisible))
		return err
	})
}

// violation is what axe finds.
type violation struct {
	ID, Impact, Help string
	Nodes            []struct{ HTML, FailureSummary string }
}

// looksAt looks at the page as it stands: on a phone in light, at a desk in the dark. Nothing may be wider than the window, nothing of the
// alerts may have become part of the page, and axe must find nothing.
func (p *person) looksAt(name, want string) {
	p.t.Helper()
	p.sees(want)
	p.look(name, 390, "light")
	p.look(name, 1280, "dark")
}

func (p *person) look(name string, width int64, scheme string) {
	p.t.Helper()
	p.run(chromedp.EmulateViewport(width, 844), chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
		return err
	}))
	wide := answered[int64](p, `document.documentElement.scrollWidth`)
	hacked := answered[bool](p, `"hacked" in window || document.querySelectorAll("script, base, svg, iframe, [onerror], [onload]").length > 0`)
	if !answered[bool](p, `"axe" in window`) {
		answered[chromedp.Void](p, p.axe+";0")
	}
	found := answered[[]violation](p, `axe.run().then(r => r.violations.map(v => ({ID: v.id, Impact: v.impact, Help: v.help, Nodes: v.nodes.map(n => ({HTML: n.html, FailureSummary: n.failureSummary}))})))`)
	place := fmt.Sprintf("%s, %d px, %s", name, width, scheme)
	if wide > width {
		p.t.Errorf("%s: the page is %d px wide", place, wide)
	}
	if hacked {
		p.t.Errorf("%s: something of an alert runs in the page", place)
	}
	for _, v := range found {
		p.t.Errorf("%s: axe: %s (%s): %s: %.500v", place, v.ID, v.Impact, v.Help, v.Nodes)
	}
	p.picture(fmt.Sprintf("%s-%d-%s.png", strings.ReplaceAll(name, " ", "-"), width, scheme))
}

// picture keeps what was seen in the folder SCREENSHOTS, if there is one.
func (p *person) picture(name string) {
	folder := os.Getenv("SCREENSHOTS")
	if folder == "" {
		return
	}
	image, err := chromedp.Run(p.tab, chromedp.FullScreenshot(100))
	if err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name), image, 0o644); err != nil {
		p.t.Fatal(err)
	}
}
