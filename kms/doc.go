// Mintage-kms wraps the master key of a Mintage server with a key that a KMS
// holds, and unwraps it when the server starts. It is a program of its own, since
// the libraries of the clouds would make every server twice as large.
//
// The server runs it as its setting master_key_command says, with the verb wrap or
// unwrap at the end; what is wrapped comes and goes by standard input and output
// alone. By hand, rewrap gives a file of the master key another wrapping: from a
// plain file to a KMS, from one key of a KMS to another, or back.
//
// KMS are named by URL: hashivault://, awskms://, gcpkms://, azurekeyvault:// and
// base64key://, as gocloud.dev/secrets knows them. main.go reads the command line,
// keeper.go opens a KMS, file.go gives a file its wrapping.
package main
