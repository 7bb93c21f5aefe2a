package condition

import (
	"strings"
	"unicode"

	"github.com/coclai/cutover/generator/slo"
)

// ShareOf is which events the name of a row counts, by its words: the bad ones of an error rate or of CPU usage, which is well when low;
// the good ones of an availability. "" where no word tells, where two contradict each other, or where one turns the other round
// (error-free, error budget remaining).
func ShareOf(name string) slo.Share {
	var found slo.Share
	for _, word := range words(name) {
		share, known := named(word)
		switch {
		case turning[word] || containsAny(word, turningStems):
			return ""
		case !known:
		case found != "" && found != share:
			return ""
		default:
			found = share
		}
	}
	return found
}

// words are a name's, in lower case; HTTPErrorRate is three of them, and error_rate two.
func words(name string) []string {
	var split strings.Builder
	var before rune
	for _, r := range name {
		if unicode.IsUpper(r) && unicode.IsLower(before) {
			split.WriteByte(' ')
		}
		split.WriteRune(r)
		before = r
	}
	return strings.FieldsFunc(strings.ToLower(split.String()), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// named is the share of one word: whole in English, by its stem in Korean.
func named(word string) (slo.Share, bool) {
	if e, ok := english[word]; ok && e.share != "" {
		return e.share, true
	}
	switch {
	case len(word) == 3 && word[1:] == "xx":
		e := statusClass(word[:1])
		return e.share, e.share != ""
	case goodNames[word], containsAny(word, goodStems):
		return slo.ShareGood, !containsAny(word, badStems)
	case badNames[word], containsAny(word, badStems):
		return slo.ShareBad, true
	}
	return "", false
}

func containsAny(word string, stems []string) bool {
	for _, stem := range stems {
		if strings.Contains(word, stem) {
			return true
		}
	}
	return false
}

func set(words ...string) map[string]bool {
	all := map[string]bool{}
	for _, w := range words {
		all[w] = true
	}
	return all
}

// Words of names that are no words of cells: what is full or lost is bad when high, what passes or hits is good.
var (
	goodNames = set("pass", "passed", "passing", "hit", "hits", "coverage", "completion", "completeness", "delivery", "delivered", "accuracy",
		"precision", "recall", "compliance", "idle", "headroom", "freshness", "conversion", "durability", "yield", "correctness", "stability")
	badNames = set("loss", "lost", "losses", "drop", "dropped", "drops", "rejection", "rejections", "rejected", "denied", "abandonment", "churn",
		"crash", "crashes", "flaky", "miss", "misses", "missed", "unavailable", "unavailability", "throttled", "throttling", "rejects",
		"duplicate", "duplicates", "retry", "retries", "rollback", "rollbacks", "decline", "declined", "declines", "exception", "exceptions",
		"outage", "outages", "invalid", "corrupt", "corrupted", "corruption", "leak", "leaks", "bounce", "anomaly", "anomalies", "stale",
		"cpu", "memory", "disk", "heap", "usage", "utilization", "utilisation", "saturation", "fullness")
	turning = set("free", "non", "no", "not", "zero", "without", "budget", "remaining", "resolution", "resolved", "recovery", "recovered",
		"detection", "detected", "handling", "handled", "prevention", "prevented", "blocked", "caught", "inverse", "reduction", "tolerance")
	goodStems = []string{"성공", "가용", "가동", "정상", "정확", "통과", "적중", "완료", "처리율", "커버리지", "전환율", "달성", "도달", "여유", "유휴"}
	badStems  = []string{"오류", "에러", "실패", "불일치", "위반", "타임아웃", "충돌", "손실", "유실", "누락", "거부", "거절", "이탈", "장애", "중복", "비정상", "미완료",
		"사용률", "사용량", "점유율", "메모리", "디스크"}
	turningStems = []string{"무오류", "무중단", "무장애", "버짓", "예산", "잔여", "복구", "해결", "탐지", "감지", "차단", "방지"}
)
