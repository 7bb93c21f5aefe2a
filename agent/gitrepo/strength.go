package gitrepo

import (
	"bytes"
	"crypto/rsa"
	"fmt"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"golang.org/x/crypto/ssh"
)

// leastRSA is what NIST SP 800-57 asks for beyond 2030, in bits.
const leastRSA = 3072

// Strength says what kind of private key a file holds, and what speaks against it, "" if nothing does. A key that [ReadKey] does not read
// is an error; what it may do on the server, a key does not say.
func Strength(content []byte) (kind, weak string, err error) {
	if _, err := ReadKey(content); err != nil {
		return "", "", err
	}
	if bytes.Contains(content, []byte("-----BEGIN PGP ")) {
		return strengthOfOpenPGP(content)
	}
	signer, err := ssh.ParsePrivateKey(content)
	if err != nil {
		return "", "", err
	}
	public := signer.PublicKey()
	kind = public.Type()
	held, ok := public.(ssh.CryptoPublicKey)
	if !ok {
		return kind, "", nil
	}
	if key, ok := held.CryptoPublicKey().(*rsa.PublicKey); ok {
		kind = fmt.Sprintf("%s of %d bits", kind, key.N.BitLen())
		return kind, shortRSA(key.N.BitLen()), nil
	}
	return kind, "", nil
}

func strengthOfOpenPGP(content []byte) (kind, weak string, err error) {
	keys, err := openpgp.ReadArmoredKeyRing(bytes.NewReader(content))
	if err != nil {
		return "", "", err
	}
	primary := keys[0].PrimaryKey
	bits, err := primary.BitLength()
	if err != nil {
		return "", "", err
	}
	if primary.PubKeyAlgo == packet.PubKeyAlgoRSA {
		weak = shortRSA(int(bits))
	}
	return fmt.Sprintf("openpgp, %d bits", bits), weak, nil
}

func shortRSA(bits int) string {
	if bits >= leastRSA {
		return ""
	}
	return fmt.Sprintf("RSA below %d bits", leastRSA)
}
