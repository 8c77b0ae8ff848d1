package report

import (
	"encoding/json"
	"fmt"
	"strings"
)

const (
	alertEvents = 20  // of one message; what is more is counted
	alertWords  = 600 // bytes of one event in its text
)

// Alert is a message to a webhook or a command: "text" for people, which Slack, Mattermost and Rocket.Chat show, "events"
// for programs, each as LiveJSON prints it.
func Alert(host string, events []LiveEvent) ([]byte, error) {
	lines := []string{"culprit on " + slackText(host) + ":"}
	var objects []map[string]any
	for i, e := range events {
		if i == alertEvents {
			lines = append(lines, fmt.Sprintf("and %d more", len(events)-i))
			break
		}
		text := visible(e.words())
		if len(text) > alertWords {
			text = strings.ToValidUTF8(text[:alertWords], "") + "…"
		}
		lines = append(lines, "• "+e.Kind+" · "+slackText(text))
		objects = append(objects, e.object())
	}
	return json.Marshal(map[string]any{"text": strings.Join(lines, "\n"), "host": host, "events": objects})
}

// slackText keeps a stranger's log line from being markup: "<!channel>" would call everybody.
func slackText(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}
