// Package pgtest runs real PostgreSQL servers for tests, on loopback and in folders of their own, and does to them what happens to servers:
// they are killed, they get standbys, standbys are promoted. PostgreSQL must be installed: a test without it fails.
package pgtest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Server is one server. It ends with the test.
type Server struct {
	Address  string // host:port
	folder   string
	settings []string
	cmd      *exec.Cmd
	log      *bytes.Buffer
	names    int // of databases
}

// role is the superuser of every server; connections from loopback are trusted.
const role = "keeper"

// Start makes a server and runs it. Settings are as in postgresql.conf.
func Start(t testing.TB, settings ...string) *Server {
	t.Helper()
	s := &Server{folder: filepath.Join(folder(t), "data"), settings: settings}
	run(t, filepath.Dir(s.folder), "initdb", "--pgdata="+s.folder, "--username="+role, "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8")
	s.Run(t)
	t.Cleanup(s.Kill)
	return s
}

// Run starts a server that is not running, on the address it had.
func (s *Server) Run(t testing.TB) {
	t.Helper()
	if s.Address == "" {
		s.Address = free(t)
	}
	_, port, _ := net.SplitHostPort(s.Address)
	args := []string{"-D", s.folder, "-p", port, "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "shared_buffers=16MB",
		"-c", "max_wal_senders=4", "-c", "wal_keep_size=64MB"}
	for _, setting := range s.settings {
		args = append(args, "-c", setting)
	}
	s.log = &bytes.Buffer{}
	s.cmd = command(t, "postgres", args...)
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		_, err := ask(s.DSN("postgres"), "SELECT 1")
		if err == nil {
			return
		}
		if time.Now().After(end) {
			s.Kill()
			t.Fatalf("postgres does not answer: %v\n%s", err, s.log)
		}
	}
}

// Kill ends the server as a power cut would.
func (s *Server) Kill() {
	if s.cmd != nil {
		_ = s.cmd.Process.Signal(syscall.SIGQUIT) // at once and without a checkpoint; its children end with it
		_ = s.cmd.Wait()
		s.cmd = nil
	}
}

// Database makes an empty database and gives its DSN.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	s.names++
	name := fmt.Sprintf("ledger%d", s.names)
	s.Ask(t, "CREATE DATABASE "+name)
	return s.DSN(name)
}

// DSN names a database of this server.
func (s *Server) DSN(database string) string {
	return fmt.Sprintf("postgres://%s:a-password-of-the-tests@%s/%s?sslmode=disable", role, s.Address, database)
}

// Ask runs a query and gives its first value as text.
func (s *Server) Ask(t testing.TB, query string) string {
	t.Helper()
	return In(t, s.DSN("postgres"), query)
}

// Set changes a setting of the running server.
func (s *Server) Set(t testing.TB, name, value string) {
	t.Helper()
	s.Ask(t, fmt.Sprintf("ALTER SYSTEM SET %s = '%s'", name, value))
	s.Ask(t, "SELECT pg_reload_conf()")
	for end := time.Now().Add(10 * time.Second); s.Ask(t, "SELECT current_setting('"+name+"')") != value; {
		if time.Now().After(end) {
			t.Fatalf("%s does not become %s", name, value)
		}
	}
}

// In runs a query in a database and gives its first value as text.
func In(t testing.TB, dsn, query string) string {
	t.Helper()
	answer, err := ask(dsn, query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return answer
}

// Refuses runs a statement that must fail.
func Refuses(t testing.TB, dsn, statement string) {
	t.Helper()
	if _, err := ask(dsn, statement); err == nil {
		t.Errorf("%s: accepted", statement)
	}
}

func ask(dsn, query string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx)
	results, err := conn.PgConn().Exec(ctx, query).ReadAll()
	if err != nil || len(results) == 0 || len(results[0].Rows) == 0 {
		return "", err
	}
	return string(results[0].Rows[0][0]), nil
}

// Standby makes a standby that streams, under the name "standby".
func (s *Server) Standby(t testing.TB, settings ...string) *Server {
	t.Helper()
	host, port, _ := net.SplitHostPort(s.Address)
	b := &Server{folder: filepath.Join(folder(t), "data"), names: s.names,
		settings: append(settings, fmt.Sprintf("primary_conninfo=host=%s port=%s user=%s application_name=standby", host, port, role))}
	run(t, filepath.Dir(b.folder), "pg_basebackup", "--pgdata="+b.folder, "--host="+host, "--port="+port, "--username="+role, "--checkpoint=fast",
		"--wal-method=stream", "--no-sync", "--write-recovery-conf")
	b.Run(t)
	t.Cleanup(b.Kill)
	return b
}

// Promote makes the standby a server that takes writes.
func (s *Server) Promote(t testing.TB) {
	t.Helper()
	if got := s.Ask(t, "SELECT pg_promote(true, 30)"); got != "t" {
		t.Fatalf("not promoted: %s\n%s", got, s.log)
	}
}

// folder is not t.TempDir: that one's parent lets no other user in.
func folder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "postgres-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// run runs one of PostgreSQL's programs in a folder that its user owns.
func run(t testing.TB, folder, name string, args ...string) {
	t.Helper()
	cmd := command(t, name, args...)
	if c := cmd.SysProcAttr.Credential; c != nil {
		if err := os.Chown(folder, int(c.Uid), int(c.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

// command runs as another user where we are root: PostgreSQL refuses to be.
func command(t testing.TB, name string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(program(t, name), args...)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGQUIT}
	if os.Getuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: 65534, Gid: 65534}
		if u, err := user.Lookup("postgres"); err == nil {
			uid, _ := strconv.Atoi(u.Uid)
			gid, _ := strconv.Atoi(u.Gid)
			cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		}
	}
	return cmd
}

// program finds the newest of what is installed: Debian keeps the server's programs off PATH.
func program(t testing.TB, name string) string {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if len(found) > 0 {
		return slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })
	}
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is missing: run `make tools`", name)
	}
	return path
}

func version(path string) int {
	n, _ := strconv.Atoi(strings.Split(path, "/")[4])
	return n
}

func free(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
