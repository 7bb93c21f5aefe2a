// Package browser looks at the agent's page as a person does: in a real Chromium, on a phone's width and a desk's, in light and dark, with axe-core
// as the judge of what a reader without eyes or mouse finds. The agent, its git server and its Prometheus are the real ones; the alerts it is sent
// have labels that try to break out of the page. It is a package of its own, since the protocol of Chromium takes long to compile.
package browser
