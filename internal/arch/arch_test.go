// Package arch holds the rules of the house as tests: who may import whom, and what a pure room must not do. It has no
// code of its own, and nothing imports it.
package arch

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/tutti-ml/tutti/"

// file is what the rules need to know of a source file.
type file struct {
	path    string // from the module's root
	room    string // its folder, without internal/
	test    bool
	imports []string
}

// files parses the imports of every Go file of the module. Modules within it, such as tools, are their own affair.
func files(t *testing.T) []file {
	t.Helper()
	root := moduleRoot(t)
	var all []file
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			nested := p != root && exists(filepath.Join(p, "go.mod"))
			if nested || strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "build" {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(p, ".go") {
			return nil
		}
		syntax, err := parser.ParseFile(token.NewFileSet(), p, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		f := file{path: rel, room: roomOf(path.Dir(rel)), test: strings.HasSuffix(p, "_test.go")}
		for _, s := range syntax.Imports {
			name, err := strconv.Unquote(s.Path.Value)
			if err != nil {
				return err
			}
			f.imports = append(f.imports, name)
		}
		all = append(all, f)
		return nil
	})
	if err != nil {
		t.Fatalf("reading the module's files: %v", err)
	}
	return all
}

// roomOf is the room of a folder: internal/lang/asl is lang/asl.
func roomOf(folder string) string { return strings.TrimPrefix(folder, "internal/") }

func moduleRoot(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for !exists(filepath.Join(dir, "go.mod")) {
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod above the test's folder")
		}
		dir = parent
	}
	return dir
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// match reports whether pattern, a room or "room/..." for a room and all below it, covers room.
func match(pattern, room string) bool {
	if base, ok := strings.CutSuffix(pattern, "/..."); ok {
		return room == base || strings.HasPrefix(room, base+"/")
	}
	return pattern == room
}

func matchAny(patterns []string, room string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return match(p, room) })
}

// ruleFor is the first row of the table that covers room.
func ruleFor(room string) (rule, bool) {
	for _, r := range table {
		if match(r.room, room) {
			return r, true
		}
	}
	return rule{}, false
}

// TestImports holds every file to the table. Test files may use what their room may, conformance suites, and the
// adapters that they test a port with.
func TestImports(t *testing.T) {
	t.Parallel()
	for _, f := range files(t) {
		r, ok := ruleFor(f.room)
		if !ok {
			t.Errorf("%s: room %q is not in the table: add a row that says what it may import (internal/arch/table_test.go)", f.path, f.room)
			continue
		}
		allowed := r.may
		if f.test {
			allowed = slices.Concat(allowed, r.testsMay, forTests)
		}
		for _, imported := range f.imports {
			name, ours := strings.CutPrefix(imported, module)
			if !ours {
				continue
			}
			if room := roomOf(name); room != f.room && !matchAny(allowed, room) {
				t.Errorf("%s: room %q must not import %q; it may import %s", f.path, f.room, room, orNone(allowed))
			}
		}
	}
}

// TestTableIsNeeded fails on a row that covers no folder, so that the table does not outlive what it describes.
func TestTableIsNeeded(t *testing.T) {
	t.Parallel()
	rooms := map[string]bool{}
	for _, f := range files(t) {
		if r, ok := ruleFor(f.room); ok {
			rooms[r.room] = true
		}
	}
	for _, r := range table {
		if !rooms[r.room] {
			t.Errorf("the table has a row for %q, but no file is in that room: remove it", r.room)
		}
	}
}

func orNone(rooms []string) string {
	if len(rooms) == 0 {
		return "no room"
	}
	return strings.Join(rooms, ", ")
}
