package app

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"

	"go.yaml.in/yaml/v4"

	"github.com/tutti-ml/tutti/internal/auth"
	"github.com/tutti-ml/tutti/internal/lang/asl"
)

// Config is what a server is told. It comes from the defaults, then the file (tutti.yaml), then variables (TUTTI_LISTEN
// for listen, TUTTI_RETENTION_RUNS for retention.runs), then flags; a later one wins. Keys that are not here are
// refused. Those under Live are read again on SIGHUP.
type Config struct {
	Listen string   `yaml:"listen"` // HOST:PORT
	Data   string   `yaml:"data"`   // directory
	Hosts  []string `yaml:"hosts"`  // names of this server beside loopback's, for the Host header
	TLS    TLS      `yaml:"tls"`
	// InsecureListen lets a server listen beyond loopback without TLS: tokens and data cross the network in the clear.
	InsecureListen bool `yaml:"insecureListenWithoutTLS"`

	// AllowRoot lets jobs of root's run as root where the server does.
	AllowRoot bool `yaml:"allowRoot"`
	// Images maps patterns of image names, such as ghcr.io/x/*, to what stands for them: host, the host's own files.
	Images map[string]string `yaml:"images"`
	// HostPaths are the directories that jobs may mount, with everything below.
	HostPaths []string `yaml:"hostPaths"`
	// Node declares capacity instead of what the hardware has.
	Node Node `yaml:"node"`

	Limits Limits `yaml:"limits"`

	Live `yaml:",inline"`
}

// Live is what can be changed while the server runs.
type Live struct {
	Log    Log          `yaml:"log"`
	Tokens []auth.Token `yaml:"tokens"`
	// Secrets are the texts that jobs may refer to, each under NAME/KEY.
	Secrets   map[string]Secret `yaml:"secrets"`
	Retention Retention         `yaml:"retention"`
	AWS       AWS               `yaml:"aws"` // AWS.settled: at the next start
	// DiskReserve is free space below which new work is refused, so that ends can still be recorded.
	DiskReserve Bytes `yaml:"diskReserve"`
}

// TLS names files in PEM form.
type TLS struct {
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
}

// Node is declared capacity; what is absent is found out.
type Node struct {
	CPU float64 `yaml:"cpu"`
	// DefaultCPU is counted for a replica that names no cpu. Without it such jobs would all start at once.
	DefaultCPU float64 `yaml:"defaultCPU"`
	Memory     Bytes   `yaml:"memory"`
	GPUs       []GPU   `yaml:"gpus"`
}

// GPU declares accelerators that are alike.
type GPU struct {
	Kind   string `yaml:"kind"`
	Count  int    `yaml:"count"`
	Memory Bytes  `yaml:"memory"`
}

// Log says what is logged to standard error.
type Log struct {
	Level  string `yaml:"level"`  // debug, info, warn or error
	Format string `yaml:"format"` // text or json
}

// Secret is a text that is kept in a file of the server's, and read when a job starts.
type Secret struct {
	File  string   `yaml:"file"`
	Users []string `yaml:"users"` // beside the server's own: whose jobs may have it; "*" is everybody
}

// Retention says how long what has ended is kept.
type Retention struct {
	Runs time.Duration `yaml:"runs"`
	Jobs time.Duration `yaml:"jobs"` // with their logs; a job that says so itself goes earlier or stays longer
}

// Limits bound what callers may ask for and what runs may use. AWS.Limits bounds it further.
type Limits struct {
	Body     Bytes `yaml:"body"`     // of one request
	Resident int   `yaml:"resident"` // runs kept in memory
	Payload  Bytes `yaml:"payload"`  // of an input, output or variable of a state machine
	Literal  Bytes `yaml:"literal"`  // of a Result that a state machine has in its file
	Events   int64 `yaml:"events"`   // of a history; 0: no bound
}

// Bytes is an amount of memory or disk: a number, or one with a suffix such as 512Mi or 2G.
type Bytes int64

// UnmarshalText reads an amount.
func (b *Bytes) UnmarshalText(text []byte) error {
	s := string(text)
	number := strings.TrimRightFunc(s, unicode.IsLetter)
	unit, ok := units[s[len(number):]]
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || !ok || n < 0 || n*unit >= 1<<63 {
		return fmt.Errorf("%q is no amount of bytes: write one such as 512Mi or 2G", s)
	}
	*b = Bytes(n * unit)
	return nil
}

var units = map[string]float64{
	"": 1, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12,
	"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40,
}

// DefaultConfig is the configuration of a server that is told nothing.
func DefaultConfig(env []string) Config {
	return Config{
		Listen: "127.0.0.1:7070",
		Data:   DefaultData(env),
		Node:   Node{DefaultCPU: 0.5},
		Limits: Limits{
			Body: 16 << 20, Resident: 10_000, Payload: Bytes(asl.WideLimits.Payload), Literal: Bytes(asl.WideLimits.Literal),
		},
		Live: Live{
			Log:         Log{Level: "info", Format: "text"},
			Retention:   Retention{Runs: 90 * 24 * time.Hour, Jobs: 30 * 24 * time.Hour},
			AWS:         AWS{Account: "111111111111", Region: "us-east-1"},
			DiskReserve: 256 << 20,
		},
	}
}

// DefaultData is where a server keeps its data: TUTTI_DATA, or the XDG base directory's place for it.
func DefaultData(env []string) string {
	if dir := getenv(env, "TUTTI_DATA"); dir != "" {
		return dir
	}
	return xdg(env, "XDG_DATA_HOME", ".local/share")
}

// DefaultConfigPath is the file that is read where none is named.
func DefaultConfigPath(env []string) string {
	return filepath.Join(xdg(env, "XDG_CONFIG_HOME", ".config"), "tutti.yaml")
}

func xdg(env []string, variable, fallback string) string {
	base := getenv(env, variable)
	if base == "" {
		base = filepath.Join(getenv(env, "HOME"), fallback)
	}
	return filepath.Join(base, "tutti")
}

func getenv(env []string, name string) string {
	for i := len(env) - 1; i >= 0; i-- {
		if v, ok := strings.CutPrefix(env[i], name+"="); ok {
			return v
		}
	}
	return ""
}

// Socket is the path of a server's Unix socket.
func Socket(data string) string { return filepath.Join(data, "tutti.sock") }

// LoadConfig reads the file and the variables. A file that was not asked for (path "") may be absent.
func LoadConfig(path string, env []string) (Config, error) {
	c := DefaultConfig(env)
	asked := path != ""
	if !asked {
		path = DefaultConfigPath(env)
	}
	text, err := os.ReadFile(path)
	switch {
	case err == nil:
		if err := decode(text, &c); err != nil {
			return c, fmt.Errorf("reading %s: %w", path, err)
		}
	case asked || !errors.Is(err, fs.ErrNotExist):
		return c, fmt.Errorf("reading the configuration: %w", err)
	}
	if err := overlay(reflect.ValueOf(&c).Elem(), "TUTTI", env); err != nil {
		return c, err
	}
	return c, nil
}

// overlay sets the fields of v whose variables are in env: prefix_FIELD, words parted by underscores, values in YAML.
func overlay(v reflect.Value, prefix string, env []string) error {
	for i := range v.NumField() {
		key, options, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
		name := prefix
		if options != "inline" {
			name += "_" + shout(key)
		}
		if f := v.Field(i); f.Kind() == reflect.Struct {
			if err := overlay(f, name, env); err != nil {
				return err
			}
		} else if text := getenv(env, name); text != "" {
			if err := yaml.Load([]byte(text), f.Addr().Interface()); err != nil {
				return fmt.Errorf("reading variable %s: %w", name, err)
			}
		}
	}
	return nil
}

// shout turns diskReserve into DISK_RESERVE.
func shout(key string) string {
	var b strings.Builder
	lower := false
	for _, r := range key {
		if lower && unicode.IsUpper(r) {
			b.WriteByte('_')
		}
		lower = unicode.IsLower(r)
		b.WriteRune(unicode.ToUpper(r))
	}
	return b.String()
}

// Check says what in c makes no sense or is not safe, with what to write instead.
func (c *Config) Check() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.Data == "" || !filepath.IsAbs(c.Data) {
		bad("data: %q is no absolute path: name a directory with --data, or set HOME", c.Data)
	}
	if (c.TLS.Cert == "") != (c.TLS.Key == "") {
		bad("tls: give both cert and key")
	}
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		bad("listen: %q is no address: write it as HOST:PORT, such as 127.0.0.1:7070", c.Listen)
	} else if !auth.Loopback(c.Listen) {
		if len(c.Tokens) == 0 && len(c.AWS.Credentials) == 0 {
			bad("listen: %s can be reached from other machines, and no tokens are configured: make one with 'tutti token', or listen on 127.0.0.1", c.Listen)
		}
		if c.TLS.Cert == "" && !c.InsecureListen {
			bad("listen: %s can be reached from other machines without TLS: give tls.cert and tls.key, or accept that tokens cross the network in the clear with --insecure-listen-without-tls", c.Listen)
		}
	}
	for image, to := range c.Images {
		if to != "host" {
			bad("images: %q is mapped to %q: only host, the host's own files, is known", image, to)
		}
	}
	for _, p := range c.HostPaths {
		if !filepath.IsAbs(p) {
			bad("hostPaths: %q is no absolute path", p)
		}
	}
	if c.Node.CPU < 0 || c.Node.DefaultCPU < 0 {
		bad("node: cpu and defaultCPU are numbers of cores, from 0 on")
	}
	errs = append(errs, c.Live.check()...)
	return errors.Join(errs...)
}

func (l *Live) check() (errs []error) {
	if err := l.AWS.check(); err != nil {
		errs = append(errs, err)
	}
	for _, t := range l.Tokens {
		if err := t.Check(); err != nil {
			errs = append(errs, err)
		}
	}
	if _, err := l.Log.level(); err != nil {
		errs = append(errs, err)
	}
	if l.Log.Format != "text" && l.Log.Format != "json" {
		errs = append(errs, fmt.Errorf("log.format: %q is neither text nor json", l.Log.Format))
	}
	for name, secret := range l.Secrets {
		if !filepath.IsAbs(secret.File) || !strings.Contains(name, "/") {
			errs = append(errs, fmt.Errorf("secrets: %q: write NAME/KEY: {file: /absolute/path, users: [NAME]}", name))
		}
	}
	return errs
}
