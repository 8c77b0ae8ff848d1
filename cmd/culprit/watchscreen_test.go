package main

import (
	"strings"
	"testing"

	tea "github.com/charmbracelet/bubbletea"

	"culprit/cmd/internal/report"
	"culprit/rules"
)

// foundThree is a watch with three findings.
func foundThree(order ...string) report.Live {
	r := &rules.Report{Verdict: rules.Verdict{Outcome: rules.NoIncident}}
	for _, rule := range order {
		r.Findings = append(r.Findings, rules.Finding{Rule: rule, Role: rules.RoleHygiene, Title: "About " + rule + ".",
			Fixes: []rules.Fix{{ID: "fix-" + rule, Title: "Mend " + rule, Kind: rules.KindCommand, Text: "mend --" + rule}}})
	}
	return report.Live{Report: r}
}

func press(m *screenModel, keys ...string) (quit bool) {
	for _, k := range keys {
		msg := tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(k)}
		for t, name := range map[tea.KeyType]string{tea.KeyEnter: "enter", tea.KeyEsc: "esc", tea.KeyUp: "up", tea.KeyDown: "down", tea.KeyCtrlC: "ctrl+c", tea.KeyPgDown: "pgdown"} {
			if name == k {
				msg = tea.KeyMsg{Type: t}
			}
		}
		if _, cmd := m.Update(msg); cmd != nil {
			_, quit = cmd().(tea.QuitMsg)
		}
	}
	return quit
}

func TestScreenKeys(t *testing.T) {
	fresh := func() *screenModel {
		m := newScreenModel(false)
		m.Update(tea.WindowSizeMsg{Width: 80, Height: 24})
		m.Update(liveMsg(foundThree("one", "two", "three")))
		return m
	}
	f := func(keys []string, want, not string) {
		t.Helper()
		m := fresh()
		if press(m, keys...) {
			t.Errorf("%v quits", keys)
		}
		if s := m.View(); !strings.Contains(s, want) || not != "" && strings.Contains(s, not) {
			t.Errorf("%v: want %q and not %q in\n%s", keys, want, not, s)
		}
	}
	f(nil, "1 of 3", "mend")
	f([]string{"down"}, "2 of 3", "")
	f([]string{"j", "down", "down", "down"}, "3 of 3", "")
	f([]string{"up"}, "1 of 3", "")
	f([]string{"jj"}, "3 of 3", "") // two keys in one message, as a held key sends them
	f([]string{"enter"}, "mend --one", "mend --two")
	f([]string{"down", "f"}, "mend --two", "")
	f([]string{"down", "enter", "esc"}, "2 of 3", "mend")
	f([]string{"enter", "down"}, "mend --one", "")
	f([]string{"?"}, "quit; the watch ends", "")
	f([]string{"e"}, "TOLD", "FINDINGS")
	f([]string{"s"}, "SOURCES", "FINDINGS")
	f([]string{"s", "esc"}, "FINDINGS", "SOURCES")
	f([]string{"x", "1", "pgdown"}, "3 of 3", "")
	for _, k := range []string{"q", "ctrl+c"} {
		if !press(fresh(), "enter", k) {
			t.Errorf("%s does not quit", k)
		}
	}
}

// The chosen finding stays chosen when others come before it; nobody's choice stays on top.
func TestScreenFollows(t *testing.T) {
	m := newScreenModel(false)
	m.Update(tea.WindowSizeMsg{Width: 80, Height: 24})
	m.Update(liveMsg(foundThree("two", "three")))
	press(m, "down")
	m.Update(liveMsg(foundThree("one", "two", "three")))
	if s := m.View(); !strings.Contains(s, "3 of 3") {
		t.Errorf("%s", s)
	}
	press(m, "up", "up")
	m.Update(liveMsg(foundThree("zero", "one")))
	if s := m.View(); !strings.Contains(s, "1 of 2") || !strings.Contains(s, "▶ hygiene About zero") {
		t.Errorf("%s", s)
	}
	press(m, "enter")
	m.Update(liveMsg(foundThree("one", "zero")))
	if s := m.View(); !strings.Contains(s, "mend --zero") {
		t.Errorf("%s", s)
	}
	m.Update(liveMsg(report.Live{})) // nothing left
	m.Update(tea.WindowSizeMsg{Width: 200, Height: 50})
	press(m, "esc", "down", "enter")
	if s := m.View(); strings.Count(s, "\n") != 49 {
		t.Errorf("%d lines", strings.Count(s, "\n")+1)
	}
}
