package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tutti-ml/tutti/internal/auth"
)

func load(t *testing.T, text string, env ...string) (Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tutti.yaml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return LoadConfig(path, append([]string{"HOME=/home/ada"}, env...))
}

// Of defaults, file and variables the later wins, key by key.
func TestConfigLayers(t *testing.T) {
	t.Parallel()
	got, err := load(t, `
listen: 127.0.0.1:1
retention: {runs: 24h}
node: {cpu: 1.5, memory: 2Gi, gpus: [{kind: H100, count: 8}]}
images: {"ghcr.io/x/*": host}
tokens: [{name: a, user: ada, sha256: x}]
`, "TUTTI_LISTEN=127.0.0.1:2", "TUTTI_RETENTION_JOBS=1h", "TUTTI_DISK_RESERVE=1M", "TUTTI_HOST_PATHS=[/a, /b]", "TUTTI_INSECURE_LISTEN_WITHOUT_TLS=true")
	if err != nil {
		t.Fatal(err)
	}
	want := DefaultConfig([]string{"HOME=/home/ada"})
	want.Listen = "127.0.0.1:2"
	want.Retention = Retention{Runs: 24 * time.Hour, Jobs: time.Hour}
	want.Node = Node{CPU: 1.5, DefaultCPU: 0.5, Memory: 2 << 30, GPUs: []GPU{{Kind: "H100", Count: 8}}}
	want.Images = map[string]string{"ghcr.io/x/*": "host"}
	want.Tokens = []auth.Token{{Name: "a", User: "ada", SHA256: "x"}}
	want.DiskReserve = 1e6
	want.HostPaths = []string{"/a", "/b"}
	want.InsecureListen = true
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if want.Data != "/home/ada/.local/share/tutti" {
		t.Errorf("the data are in %s", want.Data)
	}
}

func TestConfigIsRefusedWithItsPlace(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{
		{"listen: x\nlisten2: y\n", "line 2: there is no key listen2; did you mean listen?"},
		{"limits:\n  body: lots\n", `line 2: limits.body: "lots" is no amount of bytes`},
		{"retention:\n  runs: soon\n", `line 2: retention.runs: "soon" is not a duration, such as 90m or 24h`},
		{"node: {gpus: 8}\n", "line 1: node.gpus: write a list, each of it keys and their values"},
		{"node:\n  gpus:\n  - {kind: a, cuont: 8}\n", "line 3: there is no key node.gpus[0].cuont; did you mean node.gpus[0].count?"},
		{"tls: {certificate: x}\n", "there is no key tls.certificate; known are cert, key"},
		{"secrets:\n  a/b: {fil: /x}\n", "line 2: there is no key secrets.a/b.fil; did you mean secrets.a/b.file?"},
		{"allowRoot: perhaps\n", `line 1: allowRoot: "perhaps" is not true or false`},
		{"node: &n {cpuu: 1}\n", "did you mean node.cpu?"},
		{"log: debug\n", "line 1: log: write keys and their values"},
		{"images: [a]\n", "line 1: images: write keys and their values"},
		{"listen: [a]\n", "line 1: listen: write a text"},
		{"- listen\n", "line 1: the file: write keys and their values"},
		{"diskreserve: 1\n", "did you mean diskReserve?"},
		{"listen: x\nlisten: y\n", "line 2"},
	} {
		if _, err := load(t, c.text); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "tutti.yaml") {
			t.Errorf("%q: %v, want it to say tutti.yaml and %q", c.text, err, c.want)
		}
	}
	// All at once, in our words.
	_, err := load(t, "limts: {}\nnode: {cpus: 1}\ntokens: [{nam: x}]\n")
	if err == nil || strings.Count(err.Error(), "did you mean") != 3 || strings.Contains(err.Error(), "app.") || strings.Contains(err.Error(), "auth.") {
		t.Errorf("three unknown keys: %v", err)
	}
	if c, err := load(t, "node: &n\nlog: {level: debug}\nretention: ~\n"); err != nil || c.Log.Level != "debug" || c.Retention.Jobs == 0 {
		t.Errorf("keys without values: %v, %v", err, c.Retention)
	}
	if _, err := LoadConfig(filepath.Join(t.TempDir(), "none.yaml"), nil); err == nil {
		t.Error("a file that was asked for and is not there is no error")
	}
	if _, err := LoadConfig("", []string{"XDG_CONFIG_HOME=" + t.TempDir(), "HOME=/h"}); err != nil {
		t.Errorf("without the file that nobody asked for: %v", err)
	}
}

func TestCheckRefusesWhatIsNotSafe(t *testing.T) {
	t.Parallel()
	safe := DefaultConfig([]string{"HOME=/h"})
	if err := safe.Check(); err != nil {
		t.Fatalf("the defaults: %v", err)
	}
	token := auth.Token{Name: "a", User: "ada", SHA256: auth.Digest("x")}
	for name, c := range map[string]struct {
		change func(*Config)
		want   string // empty: fine
	}{
		"open":             {func(c *Config) { c.Listen = "0.0.0.0:1"; c.Tokens = []auth.Token{token} }, "without TLS"},
		"no address":       {func(c *Config) { c.Listen = "nonsense" }, "HOST:PORT"},
		"no tokens":        {func(c *Config) { c.Listen = ":1"; c.TLS = TLS{"c", "k"} }, "no tokens"},
		"TLS and tokens":   {func(c *Config) { c.Listen = "0.0.0.0:1"; c.Tokens = []auth.Token{token}; c.TLS = TLS{"c", "k"} }, ""},
		"the danger named": {func(c *Config) { c.Listen = "0.0.0.0:1"; c.Tokens = []auth.Token{token}; c.InsecureListen = true }, ""},
		"half of TLS":      {func(c *Config) { c.TLS.Cert = "c" }, "both cert and key"},
		"a short digest":   {func(c *Config) { c.Tokens = []auth.Token{{Name: "a", User: "b", SHA256: "12"}} }, "64 hexadecimal digits"},
		"nobody's token":   {func(c *Config) { c.Tokens = []auth.Token{{Name: "a", SHA256: token.SHA256}} }, "user is missing"},
		"another image":    {func(c *Config) { c.Images = map[string]string{"x": "y"} }, "only host"},
		"no data":          {func(c *Config) { c.Data = "" }, "--data"},
		"an account":       {func(c *Config) { c.AWS.Account = "1" }, "twelve digits"},
		"an endpoint":      {func(c *Config) { c.AWS.Endpoint = "localhost:4566" }, "neither the URL"},
		"AWS itself":       {func(c *Config) { c.AWS.Endpoint = "aws" }, ""},
		"a service":        {func(c *Config) { c.AWS.Endpoints = map[string]string{"dynamdb": "http://x"} }, `did you mean "dynamodb"?`},
		"half of the keys": {func(c *Config) { c.AWS.AccessKeyID = "A" }, "both accessKeyId and secretAccessKey"},
		"a relative file": {func(c *Config) {
			c.AWS.AccessKeyID, c.AWS.SecretAccessKey.File = "A", "secret"
		}, "no absolute path"},
		"a connection": {func(c *Config) { c.AWS.Connections = map[string]Connection{"crm": {User: "u"}} }, "aws.connections"},
		"a secret":     {func(c *Config) { c.Secrets = map[string]Secret{"x": {File: "/f"}} }, "NAME/KEY"},
	} {
		conf := safe
		c.change(&conf)
		err := conf.Check()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestBytes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Bytes{"0": 0, "12": 12, "1.5Gi": 3 << 29, "2k": 2000, "512Mi": 512 << 20, "1T": 1e12} {
		var b Bytes
		if err := b.UnmarshalText([]byte(text)); err != nil || b != want {
			t.Errorf("%q is %d (%v), want %d", text, b, err, want)
		}
	}
	for _, text := range []string{"", "x", "-1", "1Q", "1 G", "G", "1.2.3"} {
		var b Bytes
		if err := b.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is taken for %d", text, b)
		}
	}
}
