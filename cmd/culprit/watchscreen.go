package main

import (
	"context"
	"io"
	"os"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"golang.org/x/term"

	"culprit/cmd/internal/report"
)

// wantsScreen says whether there is a terminal on both ends, and nobody asked for lines.
func (w *watching) wantsScreen(in io.Reader, out io.Writer) bool {
	if w.plain || w.json || os.Getenv("TERM") == "dumb" {
		return false
	}
	return isTerminal(in) && isTerminal(out)
}

func isTerminal(x any) bool {
	f, ok := x.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// showScreen draws until ctx ends or a person quits. What is published from now on is shown.
func showScreen(ctx context.Context, in io.Reader, out io.Writer, shown *publisher) error {
	p := tea.NewProgram(newScreenModel(wantsColor(out)), tea.WithContext(ctx), tea.WithInput(in), tea.WithOutput(out), tea.WithAltScreen(), tea.WithoutSignalHandler())
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		for {
			l, changed := shown.latest()
			p.Send(liveMsg(l))
			select {
			case <-ctx.Done():
				return
			case <-changed:
			}
		}
	}()
	_, err := p.Run()
	if ctx.Err() != nil {
		return nil // it was ended from outside
	}
	return err
}

type (
	liveMsg report.Live
	tickMsg time.Time
)

// screenModel is the screen's state: what is known, and how it is looked at. report draws it.
type screenModel struct {
	live  report.Live
	view  report.View
	frame string
}

func newScreenModel(color bool) *screenModel {
	return &screenModel{view: report.View{Color: color}}
}

func (m *screenModel) Init() tea.Cmd { return nextTick() }

func nextTick() tea.Cmd {
	return tea.Tick(time.Second, func(t time.Time) tea.Msg { return tickMsg(t) })
}

func (m *screenModel) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	var next tea.Cmd
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.view.Width, m.view.Height = msg.Width, msg.Height
	case liveMsg:
		m.follow(report.Live(msg))
	case tickMsg:
		m.live.At = time.Time(msg)
		next = nextTick()
	case tea.KeyMsg:
		keys := []string{msg.String()}
		if msg.Type == tea.KeyRunes && !msg.Alt { // keys that come at once, as a held one does, come as one message
			keys = strings.Split(string(msg.Runes), "")
		}
		for _, k := range keys {
			if next = m.key(k); next != nil {
				break
			}
		}
	}
	if m.view.Width > 0 {
		m.frame, m.view = report.Screen(&m.live, m.view)
	}
	return m, next
}

// follow takes what is known now, and stays with the item that is chosen, wherever it stands in the list.
func (m *screenModel) follow(l report.Live) {
	chosen := ""
	if before := m.live.Items(); m.view.Selected < len(before) {
		chosen = before[m.view.Selected].Key()
	}
	at := m.live.At
	m.live = l
	if at.After(l.At) {
		m.live.At = at
	}
	if m.view.Selected == 0 && m.view.Page == report.PageOverview {
		return // nobody chose: the weightiest stays on top
	}
	for i, x := range m.live.Items() {
		if x.Key() == chosen {
			m.view.Selected = i
		}
	}
}

func (m *screenModel) key(name string) tea.Cmd {
	v := &m.view
	open := func(p report.Page) {
		v.Page, v.Scroll = p, 0
		if p == report.PageEvents {
			v.Scroll = 1 << 20 // the newest are at the end
		}
	}
	step := 0
	switch name {
	case "q", "ctrl+c":
		return tea.Quit
	case "esc", "backspace", "left", "h":
		open(report.PageOverview)
	case "enter", "f", "right", "l":
		if v.Page == report.PageOverview && len(m.live.Items()) > 0 {
			open(report.PageItem)
		}
	case "e":
		open(report.PageEvents)
	case "s":
		open(report.PageSources)
	case "?":
		open(report.PageHelp)
	case "up", "k":
		step = -1
	case "down", "j", "tab":
		step = 1
	case "pgup", "b":
		step = -(v.Height - 3)
	case "pgdown", " ":
		step = v.Height - 3
	case "home", "g":
		step = -1 << 20
	case "end", "G":
		step = 1 << 20
	}
	if v.Page == report.PageOverview {
		v.Selected += step
	} else {
		v.Scroll += step
	}
	return nil
}

func (m *screenModel) View() string { return m.frame }
