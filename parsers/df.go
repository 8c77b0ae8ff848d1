package parsers

import (
	"bytes"
	"strconv"
	"strings"
)

// df prints how full each file system is, of bytes or, with -i, of inodes:
//
//	Filesystem      Size  Used Avail Use% Mounted on
//	/dev/vda1        40G   40G     0 100% /
//
// With a long device's name the rest of a row stands on the next line. The headings may be translated.
var _ = register(Parser{
	Name:  "df",
	Doc:   "output of df, of bytes or inodes -> disk-use",
	Most:  SureMark - 5,
	Match: matchDF,
	Parse: parseDF,
})

func matchDF(h *Head) int {
	rows, header := 0, false
	lines := h.Texts(40)
	for _, line := range lines {
		if isDFHeader(line) {
			header = true
		} else if _, ok := dfRow(strings.Fields(line), false); ok {
			rows++
		}
	}
	if header && rows > 0 || rows >= 2 && rows*3 > len(lines)*2 {
		return SureMark - 5
	}
	return 0
}

func isDFHeader(line string) bool {
	return strings.Contains(line, "%") && (strings.HasPrefix(line, "Filesystem") || strings.HasPrefix(line, "Dateisystem") || strings.HasPrefix(line, "Sys. de fichiers") || strings.HasPrefix(line, "S.ficheros"))
}

// dfRow reads a row by the column that ends in %, before which stand what is free, used and there at all.
func dfRow(f []string, inodes bool) (*DiskUse, bool) {
	for i := len(f) - 2; i >= 3; i-- {
		pct, ok := strings.CutSuffix(f[i], "%")
		if !ok || !strings.HasPrefix(f[i+1], "/") {
			continue
		}
		d := &DiskUse{Mount: strings.Join(f[i+1:], " "), Inodes: inodes, Avail: f[i-1], Size: f[i-3]}
		if i >= 4 {
			d.Device = f[i-4]
		}
		n, err := strconv.Atoi(pct)
		if pct == "-" { // a file system without inodes
			return nil, false
		}
		d.UsedPct = Some(int64(n))
		return d, err == nil && n >= 0 && n <= 100 && isDFSize(d.Avail) && isDFSize(d.Size)
	}
	return nil, false
}

func isDFSize(s string) bool { return s != "" && (isDigit(s[0]) || s[0] == '-') }

func parseDF(src *Source, emit func(Record)) error {
	var now stamp
	inodes, device := false, ""
	return EachLine(src, func(line []byte, at Pos) {
		text := unquoteMail(strings.TrimSpace(string(line)))
		if isDFHeader(text) {
			inodes, device = strings.Contains(text, "Inode") || strings.Contains(text, "IUse"), ""
			return
		}
		if s, ok := dateStamp(text); ok {
			now = s
			return
		}
		f := strings.Fields(text)
		if device != "" {
			f = append([]string{device}, f...)
		}
		device = ""
		if d, ok := dfRow(f, inodes); ok {
			emit(now.put(Record{At: at, Raw: bytes.Clone(line), Fact: d}))
		} else if len(f) == 1 && strings.HasPrefix(f[0], "/") {
			device = f[0]
		}
	})
}
