// Package usage counts how token requests end: by the minute, for each client,
// outcome, API and scope. It keeps the sums in memory and writes them every five
// seconds; old ones it moves to hours, then to days.
//
// One thing is always true of it: a request never waits for the database, and
// counting one that was counted before in the same five seconds allocates
// nothing. A process that is killed loses what it counted since it last wrote.
//
//	counter.go  counting and writing
//	roll.go     minutes to hours to days
//	report.go   sums for people, and which clients do not cache
package usage
