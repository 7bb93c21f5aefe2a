package config

import "cmp"

// read is how checkouts read the repository. Gates are other people's commands: what may push must not be where they could find it.
func (r *reader) read(g gitFile, git *Git) {
	given, read := g.Read, ReadAccess{URL: g.Read.URL.Value}
	shell := shellURL(cmp.Or(read.URL, git.URL))
	if read.URL != "" && !shell {
		r.url(given.URL)
	}
	if shell {
		r.unfit("an ssh URL", given.CredentialsFile)
		if read.KeyFile = r.resolve(given.KeyFile.Value); read.KeyFile != "" {
			read.Key = Secret(r.keys(given.KeyFile, read.KeyFile, true))
		}
	} else {
		r.unfit("an http URL", given.KeyFile)
		if given.CredentialsFile.Value != "" {
			read.CredentialsFile = r.resolve(given.CredentialsFile.Value)
			read.Credentials = r.secret(given.CredentialsFile, read.CredentialsFile)
		}
	}
	if read.Credentials != "" && read.Credentials == git.Credentials || read.KeyFile != "" && read.KeyFile == git.Transport.SSH.KeyFile {
		place := given.CredentialsFile
		if shell {
			place = given.KeyFile
		}
		r.complain(place, "these are the credentials that push", "make others that may only read: gates could find them")
	}
	git.Read = read
}
