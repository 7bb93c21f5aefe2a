package grafana

import "strings"

// joiner is an invisible character (WORD JOINER) that keeps two others from meaning something together.
const joiner = "\u2060"

var (
	inert = strings.NewReplacer("$", "$"+joiner, "{", "{"+joiner, "[", "["+joiner, "<", "<"+joiner, "&", "&"+joiner, "\n", " ", "\r", " ")
	plain = strings.NewReplacer("\n", " ", "\r", " ",
		"$", "&#36;", "{", "&#123;", "[", "&#91;", "]", "&#93;", "<", "&lt;", ">", "&gt;", "&", "&amp;", `"`, "&quot;", "'", "&#39;",
		"*", "&#42;", "_", "&#95;", "`", "&#96;", "~", "&#126;", "#", "&#35;", "!", "&#33;", `\`, "&#92;", "|", "&#124;", ":", "&#58;")
)

// literal makes a text of the runbook show as it is in titles and legends. Grafana puts variables there for $x, ${x} and [[x]], and
// labels for {{x}}, and knows no escape for any; what could begin an HTML tag or entity is parted as well.
func literal(text string) string { return inert.Replace(text) }

// markdown makes a text show as it is in a panel's description, which Grafana renders: a character reference is never markup
// (CommonMark 2.5), and variables are replaced before it is read.
func markdown(text string) string { return plain.Replace(text) }
