package people

import (
	"crypto/rand"
	"strings"
)

// codeWords is how many words a pairing code has. It is compared by the eye and
// typed nowhere: two commands that wait at the same time must not look alike.
const codeWords = 4

// pairingCode draws a code.
func pairingCode() string {
	words := strings.Fields(pairingWords)
	var drawn [codeWords]byte
	rand.Read(drawn[:])
	parts := make([]string, codeWords)
	for i, n := range drawn {
		parts[i] = words[n]
	}
	return strings.Join(parts, "-")
}

// pairingWords are 256 words, one for each byte.
const pairingWords = `
	acorn actor agate alarm album alder amber anchor angle apple apron arrow aspen atlas attic autumn bacon badge bagel
	bamboo banjo barley basil basin beach beacon beaver bench berry birch bison blade blanket blossom bottle boulder branch
	brass bread breeze brick bridge bronze brook broom brush bucket budget butter button cabin cactus camel candle canoe
	canvas canyon carbon cargo carpet carrot castle cedar cello chalk chapel cheese cherry chess chimney cider cinema circle
	citrus clay cliff clock cloud clover cobalt cocoa coffee comet compass copper coral corner cotton cradle crane crater
	cricket crystal curtain cymbal daisy dancer decade denim desert dinner dolphin domino donkey dragon drawer eagle easel
	echo eclipse elbow ember empire engine envoy fabric falcon feather fennel fern fiddle figure finch flame flask flint
	flower flute forest fossil fountain fox frost galaxy garden garlic garnet gentle giant ginger glacier globe goblet
	granite grape gravel guitar hammer harbor harvest hazel helmet herald hermit hollow honey horizon hotel island ivory
	jacket jaguar jasmine jelly jigsaw jungle kettle kitten ladder lagoon lantern laurel lemon lentil library lilac linen
	lizard lobster locket lotus magnet mango maple marble meadow melody mirror mitten moon mosaic motor muffin museum nectar
	needle nickel noodle nutmeg oasis ocean olive onion opera orange orbit orchid otter oyster paddle palace panda papaya
	parade parrot pasta pebble pelican pencil pepper piano pickle pigeon pillow pilot pine planet plum pocket pollen poplar
	potato pretzel prism puddle pumpkin puzzle quartz quill rabbit radar raven ribbon river robin rocket saddle saffron
	salmon sandal scarf silver sparrow spruce teapot thistle
`
