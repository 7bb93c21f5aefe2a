package gitrepo

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"
)

// Namespaces keep an SSH signature of one kind of object from being shown as that of another. Git's own is "git".
const (
	signsGit  = "git"
	signsLock = "rollback-agent-lock"
)

// Key signs the agent's commits, tags and lock records. It is an SSH or an OpenPGP private key, without a passphrase: at 3 a.m. nobody
// types it.
type Key struct {
	sign func(namespace string, message []byte) (string, error)
	name string
}

// String names the key, and nothing that is secret of it.
func (k *Key) String() string { return k.name }

// ReadKey reads the content of a key file: OpenSSH's or PEM, or an armored OpenPGP private key.
func ReadKey(content []byte) (*Key, error) {
	if bytes.Contains(content, []byte("-----BEGIN PGP ")) {
		return readOpenPGPKey(content)
	}
	signer, err := ssh.ParsePrivateKey(content)
	if _, locked := errors.AsType[*ssh.PassphraseMissingError](err); locked {
		return nil, errors.New("the SSH key has a passphrase: the agent needs one without")
	}
	if err != nil {
		return nil, errors.New("neither an SSH nor an armored OpenPGP private key") // the cause may quote the file
	}
	sign := func(namespace string, message []byte) (string, error) {
		s, err := sshsig.Sign(bytes.NewReader(message), signer, sshsig.HashSHA512, namespace)
		if err != nil {
			return "", err
		}
		return string(sshsig.Armor(s)), nil
	}
	return &Key{sign, "ssh " + ssh.FingerprintSHA256(signer.PublicKey())}, nil
}

func readOpenPGPKey(content []byte) (*Key, error) {
	keys, err := openpgp.ReadArmoredKeyRing(bytes.NewReader(content))
	if err != nil || len(keys) != 1 || keys[0].PrivateKey == nil {
		return nil, errors.New("want one OpenPGP private key in the file")
	}
	if keys[0].PrivateKey.Encrypted {
		return nil, errors.New("the OpenPGP key has a passphrase: the agent needs one without")
	}
	sign := func(_ string, message []byte) (string, error) {
		var b bytes.Buffer
		err := openpgp.ArmoredDetachSign(&b, keys[0], bytes.NewReader(message), &packet.Config{DefaultHash: crypto.SHA256})
		return b.String(), err
	}
	return &Key{sign, fmt.Sprintf("openpgp %X", keys[0].PrimaryKey.Fingerprint)}, nil
}

// armored signs message; "" without a key. Each line ends in a newline, and git wants nothing after the last.
func (k *Key) armored(namespace string, message []byte) (string, error) {
	if k == nil {
		return "", nil
	}
	text, err := k.sign(namespace, message)
	if err != nil {
		return "", fmt.Errorf("sign with %s: %w", k.name, err)
	}
	return strings.TrimRight(strings.ReplaceAll(text, "\r\n", "\n"), "\n") + "\n", nil
}

// signedCommit puts the signature into the header gpgsig, where git looks for SSH signatures too: its lines after the first are
// continued by a space (gitformat-signature(5)).
func (k *Key) signedCommit(raw []byte) ([]byte, error) {
	signature, err := k.armored(signsGit, raw)
	if signature == "" || err != nil {
		return raw, err
	}
	header, message, found := bytes.Cut(raw, []byte("\n\n"))
	if !found {
		return nil, errors.New("sign commit: it has no message")
	}
	var b bytes.Buffer
	b.Write(header)
	b.WriteString("\ngpgsig " + strings.ReplaceAll(strings.TrimSuffix(signature, "\n"), "\n", "\n ") + "\n\n")
	b.Write(message)
	return b.Bytes(), nil
}

// signedTag appends the signature to the message.
func (k *Key) signedTag(raw []byte) ([]byte, error) {
	signature, err := k.armored(signsGit, raw)
	return append(bytes.Clone(raw), signature...), err
}

// checkOpenPGP is the signer of an armored detached signature. Expired and revoked keys are refused, as git verify-tag does.
func checkOpenPGP(keys openpgp.EntityList, message []byte, signature string) (string, error) {
	entity, err := openpgp.CheckArmoredDetachedSignature(keys, bytes.NewReader(message), strings.NewReader(signature), nil)
	if err != nil {
		return "", err
	}
	name := fmt.Sprintf("openpgp %X", entity.PrimaryKey.Fingerprint)
	if id := entity.PrimaryIdentity(); id != nil {
		name += " " + id.Name
	}
	return printable(name), nil
}

// readKeyring reads public keys, armored or not; several armored blocks may follow each other.
func readKeyring(content []byte) (openpgp.EntityList, error) {
	if !bytes.Contains(content, []byte("-----BEGIN PGP ")) {
		return openpgp.ReadKeyRing(bytes.NewReader(content))
	}
	var all openpgp.EntityList
	blocks := bytes.Split(content, []byte("-----BEGIN PGP PUBLIC KEY BLOCK-----"))
	for _, block := range blocks[1:] {
		whole := io.MultiReader(strings.NewReader("-----BEGIN PGP PUBLIC KEY BLOCK-----"), bytes.NewReader(block))
		keys, err := openpgp.ReadArmoredKeyRing(whole)
		if err != nil {
			return nil, err
		}
		all = append(all, keys...)
	}
	return all, nil
}
