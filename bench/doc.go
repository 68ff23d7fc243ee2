// Command bench measures Mintage beside a bare net/http server that does no
// more than it must, and beside peers, all in one run:
//
//	go run ./bench            # or: make bench
//
// What is measured is the processor time of the server process for one request
// (utime and stime of /proc/PID/stat over the count of answers), the smallest
// of several rounds in which all scenarios and servers take turns. Requests per
// second depend on what else the machine does and are printed for information
// alone; the ratio of two figures of one run is what the goals are about.
//
// The files: scenario.go has the table of what is measured, with the goals;
// load.go is the load generator, process.go runs servers and reads their
// figures, product.go sets up mintage serve, limit/ is the bare server
// (bench limit), peer.go gets the peers of peers/, cold.go and tenant.go measure
// starts and many tenants, report.go prints.
package main
