package manifest

import (
	"os"
	"path/filepath"
	"testing"
)

// FuzzRead holds that no file makes the readers panic, and that what they take has a name and runs something.
func FuzzRead(f *testing.F) {
	f.Add([]byte(batchJob("completions: 2, completionMode: Indexed, ", `, command: [a], env: [{name: A, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]`)))
	f.Add([]byte(pyTorchJob("", "elasticPolicy: {minReplicas: 1, maxReplicas: 8}, nprocPerNode: gpu, ", "ExitCode")))
	f.Add([]byte(hostileTemplate))
	found, err := filepath.Glob(filepath.Join("..", "..", "examples", "*", "*.[jy]*"))
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range found {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		docs, _ := Read(file, Options{Name: "file"})
		for _, d := range docs {
			if d.Name == "" {
				t.Errorf("%+v has no name", d)
			}
			if d.Kind == KindJob && (len(d.Spec.Groups) == 0 || len(d.Spec.Groups[0].Process.Command) == 0) {
				t.Errorf("%+v runs nothing", d.Spec)
			}
		}
	})
}
