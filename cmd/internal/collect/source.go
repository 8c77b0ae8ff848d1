package collect

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"culprit/parsers"
)

// Bounds of an application's folder: a shop with its plugins has some 10,000 source files, the largest written by hand a
// few hundred KB; what is larger was generated. Uploads and caches lie beside them by the million.
const (
	maxSources    = 20_000
	maxSourceSize = 1 << 20
	maxEntries    = 500_000
)

var (
	sourceEndings = []string{".php", ".phtml", ".inc", ".module", ".js", ".mjs", ".cjs", ".ts", ".jsx", ".tsx", ".py", ".rb", ".java", ".go",
		".env", ".ini", ".properties", ".yml", ".yaml", ".xml"}
	othersCode = []string{"vendor", "node_modules", "bower_components", "site-packages", "__pycache__"}
)

// Sources finds an application's own source files below dir, with what others wrote (vendor, node_modules) and hidden
// folders left out, and links not followed. Their names begin with parsers.AppFile and are relative to dir. What is among
// the units in have already is not listed again. skipped says what a bound kept out, "" = nothing.
func Sources(dir string, have []*Unit) (units []*Unit, skipped string, err error) {
	root, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, "", plainError(err)
	}
	if info, err := os.Stat(root); err != nil || !info.IsDir() {
		return nil, "", errors.New("is no folder")
	}
	known := map[string]bool{}
	for _, u := range have {
		known[u.file] = true
	}
	entries, large, unread := 0, 0, 0
	full := ""
	err = filepath.WalkDir(root, func(file string, e fs.DirEntry, err error) error {
		if entries++; entries > maxEntries {
			full = fmt.Sprintf("what lies behind the first %d files and folders", maxEntries)
			return fs.SkipAll
		}
		if err != nil {
			unread++
			return nil // one folder that cannot be read costs that folder
		}
		if e.IsDir() {
			if file != root && (strings.HasPrefix(e.Name(), ".") || slices.Contains(othersCode, e.Name())) {
				return fs.SkipDir
			}
			return nil
		}
		if !e.Type().IsRegular() || !isSource(e.Name()) {
			return nil
		}
		info, err := e.Info()
		if err != nil {
			unread++
			return nil
		}
		if info.Size() > maxSourceSize {
			large++
			return nil
		}
		abs := absolute(file)
		if known[abs] {
			return nil
		}
		if len(units) == maxSources {
			full = fmt.Sprintf("what lies behind the first %d source files", maxSources)
			return fs.SkipAll
		}
		rel, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		units = append(units, &Unit{
			Name: parsers.AppFile + filepath.ToSlash(rel), file: abs, modTime: info.ModTime(),
			open: func() (io.ReadCloser, error) { return os.Open(file) },
		})
		return nil
	})
	var parts []string
	if full != "" {
		parts = append(parts, full)
	}
	if large > 0 {
		parts = append(parts, fmt.Sprintf("%d source files of more than %d KB", large, maxSourceSize>>10))
	}
	if unread > 0 {
		parts = append(parts, fmt.Sprintf("%d files or folders that could not be opened", unread))
	}
	return units, strings.Join(parts, "; "), err
}

// absolute is a path that tells files apart however they were named.
func absolute(file string) string {
	if abs, err := filepath.Abs(file); err == nil {
		return abs
	}
	return file
}

// isSource goes by the name's ending; .env.production is an .env too, .env.example is nobody's setting.
func isSource(name string) bool {
	if strings.HasPrefix(name, ".env") {
		return !strings.Contains(name, "example") && !strings.Contains(name, "dist")
	}
	return slices.Contains(sourceEndings, strings.ToLower(filepath.Ext(name)))
}
