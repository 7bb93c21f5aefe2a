package condition

import "github.com/coclai/cutover/generator/slo"

// korean holds stems; a run of Hangul is cut into these.
var korean = lexicon(map[entry][]string{
	after(slo.Greater): {"초과", "초과일", "넘는", "넘으면", "넘을", "넘음", "넘어", "넘어서", "넘고", "넘긴", "넘기면", "상회", "웃도는", "웃돌면"},
	after(slo.AtLeast): {"이상", "이상일", "이라도", "라도"},
	after(slo.AtMost):  {"이하", "이하일"},
	after(slo.Less):    {"미만", "미만일", "하회", "밑도는", "밑돌면", "아래로", "밑으로"},
	{kind: degree, op: slo.Greater}: {"높으면", "높음", "높을", "높은", "높아지면", "크면", "큼", "클", "큰", "커지면", "많으면", "많음", "많을", "느리면", "느림",
		"길면", "길어지면"},
	{kind: degree, op: slo.Less}:                      {"낮으면", "낮음", "낮을", "낮은", "낮아지면", "작으면", "작음", "작을", "적으면", "적음", "적을", "빠르면", "짧으면"},
	{kind: comparator, op: slo.AtMost, strict: true}:  {"최대"},
	{kind: comparator, op: slo.AtLeast, strict: true}: {"최소"},
	ratio:                                   {"퍼센트", "프로"},
	times:                                   {"회", "건", "번", "개"},
	millisecond:                             {"밀리초"},
	second:                                  {"초"},
	minute:                                  {"분"},
	hour:                                    {"시간"},
	day:                                     {"일"},
	week:                                    {"주", "주일"},
	year:                                    {"년"},
	{kind: percentile}:                      {"퍼센타일", "백분위", "백분위수"},
	{kind: quantile, value: "50"}:           {"중앙값"},
	{kind: baseline}:                        {"베이스라인", "기준선"},
	{kind: versus}:                          {"대비", "보다"},
	{kind: consecutive}:                     {"연속"},
	{kind: normal, sense: slo.SenseTarget}:  {"정상"},
	{kind: lasting}:                         {"지속", "유지", "계속"},
	{kind: lookBack}:                        {"최근"},
	{kind: windowNoun}:                      {"이동창", "이동윈도우", "윈도우", "창", "이내", "내", "안"},
	{kind: windowNoun, value: period}:       {"기간"},
	{kind: heading, sense: slo.SenseTarget}: {"목표"},
	{kind: heading, sense: slo.SenseAlert}:  {"알림", "경보"},
	must:                                    {"이어야", "여야", "해야"},
	good:                                    {"가용성", "가용률", "가동률", "성공", "성공률"},
	bad:                                     {"불일치", "위반", "오류", "에러", "실패", "오류율", "에러율", "실패율", "타임아웃", "충돌"},
	{kind: noun}:                            {"재시작", "결과", "지연", "비율", "횟수", "지연시간", "응답", "응답시간", "요청", "건수", "대기", "적체", "사용률", "사용량", "메시지"},
	{kind: change}:                          {"증가", "상승", "급증"},
	fall:                                    {"감소", "하락", "급감", "급락"},
	each:                                    {"당"},
	{kind: trap}:                            {"포인트", "배"},
	{kind: filler}:                          {"동안", "간", "상태"},
	{kind: filler, op: slo.Less}:            {"떨어지면", "떨어짐", "떨어질", "떨어지는", "떨어진", "내려가면"},
	{kind: filler, value: basis}:            {"기준", "이동", "롤링"},
	{kind: particle}: {"가", "이", "은", "는", "을", "를", "의", "로", "으로", "에", "에서", "시", "인", "된", "되면", "되는", "됨", "될",
		"되어", "되고", "되며", "하면", "하는", "하여", "해", "해서", "하고", "하며", "할", "한", "함", "임", "이면", "면", "때", "경우",
		"발생", "후", "했을", "했을때", "한다", "합니다"},
})

// refusals are the roots of Korean negation: a word with one of them turns the sense of what stands before it.
var refusals = []string{"않", "아니", "아닌", "아님", "없", "못", "제외", "말고"}
