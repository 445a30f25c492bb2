package app

import (
	"os/exec"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

func TestKeepDescriptors(t *testing.T) {
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], 0); err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = unix.Close(pipe[0]), unix.Close(pipe[1]) }()
	inherited := func() bool {
		return exec.Command("test", "-e", "/proc/self/fd/"+strconv.Itoa(pipe[1])).Run() == nil
	}
	if !inherited() {
		t.Fatal("a child does not inherit the pipe to begin with")
	}
	if err := keepDescriptors(); err != nil {
		t.Fatal(err)
	}
	if inherited() {
		t.Error("a child inherits a descriptor that the server was started with")
	}
}
