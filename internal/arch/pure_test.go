package arch

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// pure are the rooms whose results depend on their arguments alone.
var pure = []string{"value", "run", "job", "spell", "lang/...", "manifest/...", "sched"}

// impureImports are packages that a pure room does not import: clocks, chance, I/O, the machine.
var impureImports = []string{
	"crypto/rand", "hash/maphash", "io/fs", "io/ioutil", "log/...", "math/rand/...", "net", "net/http/...", "os/...",
	"path/filepath", "runtime/...", "syscall", "unsafe", "golang.org/x/sys/...",
}

// impureUses are functions of packages that are otherwise fine. Keys are import paths.
var impureUses = map[string][]string{
	"time": {"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick", "LoadLocation", "Local"},
	"fmt":  {"Print", "Printf", "Println", "Scan", "Scanf", "Scanln"},
}

// A line that the rules would refuse is let pass by a comment on it or above it: "// order: WHY" for a loop over a map
// whose order cannot be seen from outside, "// pure: WHY" for anything else.
const (
	orderMark = "// order: "
	pureMark  = "// pure: "
)

func TestPureRooms(t *testing.T) {
	t.Parallel()
	for _, p := range purePackages(t) {
		for _, c := range p.complaints() {
			t.Error(c)
		}
	}
}

// TestPureRulesBite holds the rules themselves against a package that breaks each of them once.
func TestPureRulesBite(t *testing.T) {
	t.Parallel()
	const source = `package p
import (
	"maps"
	"os"
	"slices"
	tm "time"
)
var out = os.Stdout
func f(m map[string]int, c chan int) (s []string) {
	for k := range m { s = append(s, k) }
	// order: a sum has none
	for _, n := range m { _ = n }
	for k := range maps.Keys(m) { s = append(s, k) }
	s = slices.Sorted(maps.Keys(m))
	for i := range s { _ = i }
	go f(nil, c)
	select { case <-c: default: }
	_ = tm.Now()
	_ = tm.Now() // pure: shown to nobody
	return s
}`
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "p.go", source, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	p := typedPackage{fset: fset, files: []*ast.File{f}}
	_, imports := compiled(t, fset, "maps", "os", "slices", "time")
	p.info = check(t, fset, "p", p.files, imports)
	var lines []int
	for _, c := range p.complaints() {
		line, err := strconv.Atoi(strings.Split(c, ":")[1])
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	if want := []int{4, 10, 13, 16, 17, 18}; !slices.Equal(lines, want) {
		t.Errorf("complaints about lines %v, want %v:\n%s", lines, want, strings.Join(p.complaints(), "\n"))
	}
}

// typedPackage is a package with the types of its expressions.
type typedPackage struct {
	fset  *token.FileSet
	files []*ast.File
	info  *types.Info
}

// listed is what go list says of a package.
type listed struct {
	ImportPath, Dir, Export string
	GoFiles                 []string
	DepOnly                 bool
}

// compiled lists the packages that patterns match, and gives an importer for all that they import.
func compiled(t *testing.T, fset *token.FileSet, patterns ...string) ([]listed, types.Importer) {
	t.Helper()
	args := append([]string{"list", "-export", "-deps", "-json=ImportPath,Dir,Export,GoFiles,DepOnly"}, patterns...)
	cmd := exec.Command("go", args...)
	cmd.Dir, cmd.Stderr = moduleRoot(t), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("listing %v: %v", patterns, err)
	}
	exports := map[string]string{}
	var matched []listed
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var l listed
		if err := d.Decode(&l); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		exports[l.ImportPath] = l.Export
		if !l.DepOnly {
			matched = append(matched, l)
		}
	}
	open := func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) }
	return matched, importer.ForCompiler(fset, "gc", open)
}

// purePackages type-checks the packages of all pure rooms.
func purePackages(t *testing.T) []typedPackage {
	t.Helper()
	root := moduleRoot(t)
	var patterns []string
	for _, room := range pure {
		patterns = append(patterns, "./internal/"+strings.TrimSuffix(room, "/...")+"/...")
	}
	fset := token.NewFileSet()
	packages, imports := compiled(t, fset, patterns...)
	var all []typedPackage
	for _, l := range packages {
		p := typedPackage{fset: fset}
		for _, name := range l.GoFiles {
			full := filepath.Join(l.Dir, name)
			text, err := os.ReadFile(full)
			if err != nil {
				t.Fatal(err)
			}
			rel, err := filepath.Rel(root, full)
			if err != nil {
				t.Fatal(err)
			}
			f, err := parser.ParseFile(fset, rel, text, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			p.files = append(p.files, f)
		}
		p.info = check(t, fset, l.ImportPath, p.files, imports)
		all = append(all, p)
	}
	return all
}

func check(t *testing.T, fset *token.FileSet, path string, files []*ast.File, imports types.Importer) *types.Info {
	t.Helper()
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}}
	config := types.Config{Importer: imports}
	if _, err := config.Check(path, fset, files, info); err != nil {
		t.Fatalf("checking %s: %v", path, err)
	}
	return info
}

// complaints lists what breaks the rules, by place.
func (p typedPackage) complaints() []string {
	type complaint struct {
		at   token.Position
		text string
	}
	var found []complaint
	for _, f := range p.files {
		excused := p.excuses(f)
		say := func(n ast.Node, format string, args ...any) {
			at := p.fset.Position(n.Pos())
			if !excused[at.Line] {
				found = append(found, complaint{at, fmt.Sprintf(format, args...)})
			}
		}
		for _, s := range f.Imports {
			name, err := strconv.Unquote(s.Path.Value)
			if err == nil && matchAny(impureImports, name) {
				say(s, "a pure room must not import %s", name)
			}
		}
		sorted := map[ast.Node]bool{}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				say(n, "a pure room must not start a goroutine")
			case *ast.SelectStmt:
				say(n, "a pure room must not select: which case is taken is chance")
			case *ast.RangeStmt:
				if _, ok := p.info.Types[n.X].Type.Underlying().(*types.Map); ok {
					say(n, "the order of a map: range over slices.Sorted(maps.Keys(m)), or say on the line why the order cannot be seen: %sWHY", orderMark)
				}
			case *ast.CallExpr:
				if pkg, name := p.used(n.Fun); pkg == "slices" && strings.HasPrefix(name, "Sorted") {
					for _, arg := range n.Args {
						sorted[arg] = true
					}
				} else if pkg == "maps" && slices.Contains([]string{"All", "Keys", "Values"}, name) && !sorted[n] {
					say(n, "the order of a map: wrap maps.%s in slices.Sorted, or say on the line why the order cannot be seen: %sWHY", name, orderMark)
				}
			case *ast.SelectorExpr:
				if pkg, name := p.used(n); slices.Contains(impureUses[pkg], name) {
					say(n, "a pure room must not use %s.%s", pkg, name)
				}
			}
			return true
		})
	}
	slices.SortFunc(found, func(a, b complaint) int {
		return cmp.Or(strings.Compare(a.at.Filename, b.at.Filename), cmp.Compare(a.at.Offset, b.at.Offset))
	})
	texts := make([]string, len(found))
	for i, c := range found {
		texts[i] = c.at.String() + ": " + c.text
	}
	return texts
}

// excuses are the lines that a mark lets pass: its own, and the one after it.
func (p typedPackage) excuses(f *ast.File) map[int]bool {
	lines := map[int]bool{}
	for _, group := range f.Comments {
		for _, c := range group.List {
			if strings.HasPrefix(c.Text, orderMark) || strings.HasPrefix(c.Text, pureMark) {
				line := p.fset.Position(c.Pos()).Line
				lines[line], lines[line+1] = true, true
			}
		}
	}
	return lines
}

// used is the package and the name of a package-level object that e names; empty for anything else. Methods, such as
// time.Time.After, are not such objects.
func (p typedPackage) used(e ast.Expr) (pkg, name string) {
	switch e := e.(type) {
	case *ast.IndexExpr:
		return p.used(e.X)
	case *ast.IndexListExpr:
		return p.used(e.X)
	case *ast.SelectorExpr:
		if o := p.info.Uses[e.Sel]; o != nil && o.Pkg() != nil && o.Parent() == o.Pkg().Scope() {
			return o.Pkg().Path(), o.Name()
		}
	}
	return "", ""
}
