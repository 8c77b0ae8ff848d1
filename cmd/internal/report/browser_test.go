package report

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"culprit/rules"
)

var shots = flag.String("shots", "", "a folder to keep pictures of the pages in")

// TestBrowser opens the pages in headless Chromium, wide and narrow, light and dark: nothing is said on the console, nothing
// is fetched, the page is no wider than its window; values show under the pointer, and a drag zooms.
func TestBrowser(t *testing.T) {
	t.Parallel() // most of it is waiting
	b := openBrowser(t)
	for name, r := range map[string]*rules.Report{"tea-shop": teaShop(), "inconclusive": inconclusive(), "no-incident": noIncident(), "empty": {}, "hostile": hostileReport(0)} {
		file := filepath.Join(t.TempDir(), name+".html")
		var page bytes.Buffer
		if err := HTML(&page, r); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, page.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		for _, view := range []struct {
			name  string
			width int
			dark  bool
		}{{"wide", 1280, false}, {"narrow", 390, false}, {"dark", 1280, true}} {
			if view.dark && name != "tea-shop" {
				continue
			}
			b.open(file, view.width, view.dark)
			if got := b.eval(`document.documentElement.scrollWidth - document.documentElement.clientWidth`); got != "0" {
				t.Errorf("%s, %s: %s px wider than the window", name, view.name, got)
			}
			b.shoot(name + "-" + view.name)
		}
		if name == "tea-shop" {
			b.open(file, 1280, false)
			testZoom(t, b)
			b.shoot("tea-shop-zoomed")
		}
		for _, said := range b.said {
			t.Errorf("%s: %s", name, said)
		}
		b.said = nil
	}
}

// testZoom: the page's first chart answers a pointer.
func testZoom(t *testing.T, b *browser) {
	t.Helper()
	f := func(js, want string) {
		t.Helper()
		if got := b.eval(js); !strings.Contains(got, want) {
			t.Errorf("%s is %q, want %q", js, got, want)
		}
	}
	const box = `document.querySelector("figure .plot svg svg").getAttribute("viewBox")`
	f(box, "0 0 1000 100")
	var r struct{ X, Y, W float64 }
	at := b.eval(`(() => { let r = document.querySelector("figure .plot").getBoundingClientRect(); return JSON.stringify({X: r.left, Y: r.top + 40, W: r.width}) })()`)
	if err := json.Unmarshal([]byte(at), &r); err != nil {
		t.Fatal(err)
	}
	mouse := func(kind string, x float64) {
		b.call("Input.dispatchMouseEvent", map[string]any{"type": kind, "x": r.X + x*r.W, "y": r.Y, "button": "left", "buttons": 1, "clickCount": 1})
	}
	b.call("Input.dispatchMouseEvent", map[string]any{"type": "mouseMoved", "x": r.X + 0.5*r.W, "y": r.Y})
	f(`getComputedStyle(document.querySelector("figure .values")).display`, "block")
	f(`document.querySelector("figure .values").textContent`, "keys without expiry: ")
	mouse("mousePressed", 0.25)
	mouse("mouseMoved", 0.5)
	mouse("mouseReleased", 0.75)
	f(box, "250 0 500 100")
	f(`String(document.querySelectorAll("figure .plot text.tick").length > 0)`, "true")
	f(`[...document.querySelectorAll("figure button")].map(b => b.textContent).join(" ")`, "whole")
	b.eval(`[...document.querySelectorAll("figure button")].find(b => b.textContent == "whole").click()`)
	f(box, "0 0 1000 100")
	b.eval(`document.querySelector("figure button").click()`)
	f(box, "250 0 500 100")
}

// browser is Chromium over its pipe: messages of JSON, each ended by a zero byte.
type browser struct {
	t       *testing.T
	in      *os.File
	out     *bufio.Reader
	n       int
	session string
	said    []string // on the console, or asked of the network
	loaded  bool
	page    string
}

// browserDeadline is generous: the machine may be busy, and nothing waits for it otherwise.
const browserDeadline = 2 * time.Minute

func openBrowser(t *testing.T) *browser {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		t.Skip("no Chromium on this machine: the pages are not looked at in a browser")
	}
	ctx, cancel := context.WithTimeout(context.Background(), browserDeadline)
	theirIn, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out, theirOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--user-data-dir="+t.TempDir(), "--remote-debugging-pipe", "about:blank")
	cmd.ExtraFiles = []*os.File{theirIn, theirOut} // its 3 and 4
	if err := cmd.Start(); err != nil {
		cancel()
		t.Skipf("Chromium does not start (%v): the pages are not looked at in a browser", err)
	}
	theirIn.Close()
	theirOut.Close()
	b := &browser{t: t, in: in, out: bufio.NewReaderSize(out, 1<<20)}
	t.Cleanup(func() {
		b.session = ""
		b.send("Browser.close", nil)
		cmd.Wait()
		cancel()
		in.Close()
		out.Close()
	})
	target := b.call("Target.createTarget", map[string]any{"url": "about:blank"})["targetId"]
	b.session, _ = b.call("Target.attachToTarget", map[string]any{"targetId": target, "flatten": true})["sessionId"].(string)
	for _, domain := range []string{"Page", "Runtime", "Log", "Network"} {
		b.call(domain+".enable", nil)
	}
	return b
}

func (b *browser) send(method string, params any) int {
	b.n++
	m := map[string]any{"id": b.n, "method": method}
	if params != nil {
		m["params"] = params
	}
	if b.session != "" {
		m["sessionId"] = b.session
	}
	text, err := json.Marshal(m)
	if err != nil {
		b.t.Fatal(err)
	}
	b.in.Write(append(text, 0))
	return b.n
}

// call waits for the answer, and listens meanwhile.
func (b *browser) call(method string, params any) map[string]any {
	b.t.Helper()
	id := b.send(method, params)
	for {
		m := b.read()
		if m.ID != id {
			continue
		}
		if m.Error.Message != "" {
			b.t.Fatalf("%s: %s", method, m.Error.Message)
		}
		return m.Result
	}
}

type browserMessage struct {
	ID     int
	Method string
	Params struct {
		Type             string
		Entry            struct{ Text string }
		Args             []struct{ Value any }
		ExceptionDetails struct{ Text string }
		Request          struct{ URL string }
	}
	Result map[string]any
	Error  struct{ Message string }
}

func (b *browser) read() browserMessage {
	b.t.Helper()
	text, err := b.out.ReadBytes(0)
	if err != nil {
		b.t.Fatalf("Chromium is gone: %v", err)
	}
	var m browserMessage
	if err := json.Unmarshal(bytes.TrimSuffix(text, []byte{0}), &m); err != nil {
		b.t.Fatal(err)
	}
	switch m.Method {
	case "Runtime.consoleAPICalled":
		b.said = append(b.said, fmt.Sprintf("console.%s %v", m.Params.Type, m.Params.Args))
	case "Runtime.exceptionThrown":
		b.said = append(b.said, "exception: "+m.Params.ExceptionDetails.Text)
	case "Log.entryAdded":
		b.said = append(b.said, "console: "+m.Params.Entry.Text)
	case "Network.requestWillBeSent":
		if u := m.Params.Request.URL; u != b.page && u != "data:," {
			b.said = append(b.said, "it fetches "+u)
		}
	case "Page.loadEventFired":
		b.loaded = true
	}
	return m
}

func (b *browser) open(file string, width int, dark bool) {
	b.t.Helper()
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false})
	b.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]any{{"name": "prefers-color-scheme", "value": scheme}}})
	b.page = (&url.URL{Scheme: "file", Path: file}).String()
	b.loaded = false
	b.call("Page.navigate", map[string]any{"url": b.page})
	for !b.loaded {
		b.read()
	}
}

func (b *browser) eval(js string) string {
	b.t.Helper()
	r := b.call("Runtime.evaluate", map[string]any{"expression": js, "returnByValue": true})
	if r["exceptionDetails"] != nil {
		b.t.Fatalf("%s: %v", js, r["exceptionDetails"])
	}
	value, _ := r["result"].(map[string]any)
	return fmt.Sprint(value["value"])
}

// shoot keeps a picture of the whole page, when -shots names a folder.
func (b *browser) shoot(name string) {
	b.t.Helper()
	if *shots == "" {
		return
	}
	data, _ := b.call("Page.captureScreenshot", map[string]any{"captureBeyondViewport": true})["data"].(string)
	picture, err := base64.StdEncoding.DecodeString(data)
	if err == nil {
		err = os.WriteFile(filepath.Join(*shots, name+".png"), picture, 0o644)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}
