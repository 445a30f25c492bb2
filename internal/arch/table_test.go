package arch

import "slices"

// rule is a row of the table: a room, and the rooms that it may import. "/..." stands for a room and all below it.
type rule struct {
	room     string
	may      []string
	testsMay []string // its tests besides
}

// The layers, each of which may import those before it.
var (
	words    = []string{"value", "run", "job"}
	deciders = []string{"lang/...", "manifest/...", "sched"}
	ports    = []string{"store", "engine", "blob"}
	adapters = []string{"store/...", "engine/...", "blob", "runner/...", "integration/...", "lang/..."}
)

// forTests is what the tests of any room may use: suites, and the implementations that exist for tests.
var forTests = []string{"store/storetest", "store/memory", "engine/enginetest", "engine/fake", "sharedtest", "looptest"}

// table says who may import whom. The first row that covers a room counts.
var table = []rule{
	// Words.
	{room: "value"},
	{room: "run", may: []string{"value"}},
	{room: "job", may: []string{"value"}},
	{room: "awsmodel"}, // facts about AWS's APIs
	{room: "uuid"},
	{room: "spell"},
	{room: "looptest"},                           // loops of a server, for tests
	{room: "sharedtest", may: []string{"value"}}, // what lies beside the checkout, for tests

	// Pure deciders.
	{room: "lang/expr/...", may: []string{"value", "run", "lang/expr/..."}},
	{room: "lang/...", may: []string{"value", "run", "spell", "lang/expr/..."}},
	{room: "manifest/...", may: []string{"value", "job", "run", "manifest/..."}},
	{room: "sched", may: words},

	// Ports and their adapters, which know their port and the words only.
	{room: "blob", may: join(words, "store")}, // it implements store.Blobs
	{room: "store", may: words},
	{room: "store/...", may: join(words, "store", "store/storetest")},
	{room: "engine", may: words},
	{room: "engine/local", may: join(words, "engine", "engine/enginetest", "runner/..."), testsMay: []string{"engine/local"}},
	{room: "engine/...", may: join(words, "engine", "engine/enginetest")},
	{room: "runner/...", may: []string{"runner/..."}},

	// What drives them.
	{room: "kernel", may: join(words, ports...), testsMay: join(adapters)},
	{room: "dispatch", may: join(words, "sched", "store", "engine"), testsMay: join(adapters)},
	{room: "catalog", may: slices.Concat(words, deciders, ports, []string{"uuid"}), testsMay: join(adapters)},

	// What people and systems meet.
	{room: "auth"},
	{room: "activity", may: words},
	{room: "errand", may: join(words, "lang/asl", "kernel")},
	{room: "integration/...", may: slices.Concat(words, deciders, ports, []string{"awsmodel", "uuid", "spell", "kernel", "catalog", "activity", "errand", "integration/..."}), testsMay: join(adapters)},
	// The server and its client share the types of the API, which live in client.
	{room: "server/...", may: slices.Concat(words, deciders, ports, []string{"awsmodel", "uuid", "kernel", "dispatch", "catalog", "auth", "activity", "errand", "server/...", "client"}), testsMay: join(adapters, "integration/...")},
	{room: "client"},
	// State machines held against mocked results: a kernel over a store in memory.
	{room: "rehearsal", may: slices.Concat(words, deciders, []string{"store", "store/memory", "kernel", "integration"})},
	{room: "cli/...", may: join(nil, "client", "cli/...", "app", "rehearsal")},
	{room: "app/...", may: everything},

	// The whole system.
	{room: "sim", may: everything},
	{room: "arch"},
	{room: "test/...", may: join(everything, "cli", "app")},
	{room: "cmd/tutti", may: []string{"cli", "app"}},
}

var everything = slices.Concat(words, deciders, ports, adapters,
	[]string{"awsmodel", "uuid", "spell", "kernel", "dispatch", "catalog", "auth", "activity", "errand", "server/...", "client"})

func join(a []string, more ...string) []string { return slices.Concat(a, more) }
