package auth

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// peer finds out the uid at the other end of a connection, once: a connection stays with the process that opened it, or
// with those it was handed to.
type peer struct {
	uid func() (int, error)
}

func newPeer(c net.Conn) *peer {
	return &peer{uid: sync.OnceValues(func() (int, error) {
		switch c := c.(type) {
		case *net.UnixConn:
			return unixUID(c)
		case *net.TCPConn:
			return tcpUID(addrPort(c.RemoteAddr()), addrPort(c.LocalAddr()))
		}
		return 0, fmt.Errorf("a %T has no uid", c)
	})}
}

func addrPort(a net.Addr) netip.AddrPort {
	ap := a.(*net.TCPAddr).AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

func unixUID(c *net.UnixConn) (uid int, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, err
	}
	var cred *unix.Ucred
	if e := raw.Control(func(fd uintptr) {
		cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); e != nil {
		return 0, e
	}
	if err != nil {
		return 0, fmt.Errorf("reading peer credentials: %w", err)
	}
	return int(cred.Uid), nil
}

var errNotLocal = errors.New("no socket of this machine")

// tcpUID finds the socket whose own address is local and whose other end is remote in the tables of TCP sockets.
func tcpUID(local, remote netip.AddrPort) (int, error) {
	if !local.Addr().IsLoopback() {
		return 0, errNotLocal
	}
	for _, table := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6"} {
		uid, err := findSocket(table, local, remote)
		if !errors.Is(err, errNotLocal) && !errors.Is(err, os.ErrNotExist) {
			return uid, err
		}
	}
	return 0, errNotLocal
}

// findSocket reads a table as proc_net_tcp(5) describes it:
//
//	sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode …
//
// A socket that no process holds any more (closed, or in TIME_WAIT) has inode 0 and, whoever held it, uid 0: it must
// not pass for root's.
func findSocket(table string, local, remote netip.AddrPort) (int, error) {
	f, err := os.Open(table)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 10 {
			continue
		}
		if l, ok := parseSocket(fields[1]); !ok || l != local {
			continue
		}
		if r, ok := parseSocket(fields[2]); !ok || r != remote {
			continue
		}
		uid, err := strconv.Atoi(fields[7])
		if err != nil || fields[9] == "0" {
			return 0, fmt.Errorf("the socket %s is closed", local)
		}
		return uid, nil
	}
	if err := lines.Err(); err != nil {
		return 0, err
	}
	return 0, errNotLocal
}

// parseSocket reads an address such as 0100007F:1F90: 32-bit words in the machine's byte order, and the port.
func parseSocket(s string) (netip.AddrPort, bool) {
	host, port, ok := strings.Cut(s, ":")
	if !ok {
		return netip.AddrPort{}, false
	}
	b, err := hex.DecodeString(host)
	if err != nil || len(b)%4 != 0 {
		return netip.AddrPort{}, false
	}
	for i := 0; i < len(b); i += 4 {
		binary.NativeEndian.PutUint32(b[i:], binary.BigEndian.Uint32(b[i:]))
	}
	addr, ok := netip.AddrFromSlice(b)
	if !ok {
		return netip.AddrPort{}, false
	}
	p, err := strconv.ParseUint(port, 16, 16)
	return netip.AddrPortFrom(addr.Unmap(), uint16(p)), err == nil
}
