package rules

import (
	"fmt"
	"strings"

	"culprit/correlate"
)

var _ = registerFix(FixMaker{
	ID:   "sessionless-probe",
	Doc:  "gives monitoring a path that opens no session; slowing it down would only raise its alarm",
	Make: (*Case).probeFixes,
})

func (c *Case) probeFixes(h Hypothesis) []Fix {
	var names []string
	for _, cu := range h.Culprits {
		for _, g := range c.probes() {
			if cu.Kind == "user-agent" && cu.Value == g.Name {
				names = append(names, g.Name)
			}
		}
	}
	who := joinAnd(names)
	if who == "" {
		who = "the monitoring"
	}
	f := Fix{
		Title: fmt.Sprintf("Let %s ask for a path that opens no session", who),
		Kind:  KindManual,
		Text: "In the server{} that answers:\n  location = /healthz { access_log off; default_type text/plain; return 200 \"ok\\n\"; }\nthen have " + who +
			" ask for /healthz (a load balancer: its health check's path), or have the application open no session where the agent is a monitor's.\nDo not limit or refuse it: it would take the site for down.",
		Risk:  "/healthz says that nginx is up, not that the application is: let one slower check ask for a real page",
		Undo:  "give the check its old path back",
		Check: "curl -si http://localhost/healthz | grep -ci set-cookie   # 0",
	}
	for _, name := range names {
		if strings.HasPrefix(name, "ELB-") {
			f.Text += "\n  aws elbv2 modify-target-group --target-group-arn ARN --health-check-path /healthz"
		}
	}
	return []Fix{f}
}

func (c *Case) probes() []*correlate.Group {
	var out []*correlate.Group
	if c.Web != nil {
		for _, g := range c.Web.Groups {
			if g.Kind == correlate.ProbeGroup {
				out = append(out, g)
			}
		}
	}
	return out
}
