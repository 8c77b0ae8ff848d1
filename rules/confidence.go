package rules

import "culprit/correlate"

// accuse is the confidence from which a cause is named. Two in three: below it "inconclusive" serves the reader better.
const accuse = 0.66

// confidence turns the tests of a cause's decisive edge into a number. An established cause with four tests passed stands at
// 0.97: on the scenes that the tests simulate (cmd/culprit) and on labelled incidents such verdicts were right more often than that, and
// what is not in a simulation is left three in a hundred. A test that could not be made costs 7 %, a failed one 25 %: two
// that fail are below accuse. A leak whose sufficiency fails is not established at all (sessionleak.go).
func confidence(h *Hypothesis) float64 {
	switch h.State {
	case Possible:
		return min(h.Confidence, accuse-0.01)
	case Established:
	default:
		return 0
	}
	conf := 0.97
	for _, t := range []correlate.Outcome{h.Tests.Structural, h.Tests.Deviating, h.Tests.Ordered, h.Tests.Sufficient} {
		switch t {
		case correlate.Unknown:
			conf *= 0.93
		case correlate.Fail:
			conf *= 0.75
		}
	}
	if h.Confidence > 0 {
		conf = min(conf, h.Confidence)
	}
	return conf
}
