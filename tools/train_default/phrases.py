"""Made-up everyday sentences: what a caption, a headline or a question says, from a small grammar.

The free corpora hold little of this kind of English, and a teacher has a vector for any text, true or
not. Half of the things named are nouns of WordNet, so that rare words are seen in plain sentences.
"""

PEOPLE = """a man|a woman|a boy|a girl|a child|two men|two women|two children|three people|a group of people|a young man|
an old man|a young woman|an elderly woman|a little girl|a small boy|a toddler|a baby|a teenager|a couple|a family|the man|
the woman|some kids|several people|a crowd|a police officer|a soldier|a chef|a farmer|a student|a teacher|a doctor|a nurse|
a worker|a cyclist|a skateboarder|a surfer|a football player|a basketball player|a tennis player|a dancer|a singer|
a musician|a guitarist|a photographer|a firefighter|a bride|a nun|a monk|a lady|a guy|nobody|someone|a person|the player|
the team|a climber|a swimmer|a runner|a skier|a hiker|a tourist|a driver|a carpenter|a clown|a gymnast|a golfer""".replace("\n", "").split("|")
ANIMALS = """a dog|a cat|a brown dog|a black dog|a white dog|two dogs|a puppy|a kitten|a horse|a white horse|a cow|a sheep|
a goat|a pig|a bird|an eagle|a parrot|a duck|a chicken|an elephant|a lion|a tiger|a monkey|a panda|a bear|a rabbit|a squirrel|
a mouse|a hamster|a fish|a shark|a dolphin|a turtle|a frog|a snake|a spider|a lemur|a sea turtle|a kangaroo|a zebra""".replace("\n", "").split("|")
DOING = """playing {o}|holding {o}|carrying {o}|looking at {o}|standing next to {o}|sitting on {o}|pointing at {o}|
pushing {o}|pulling {o}|throwing {o}|catching {o}|cutting {o}|slicing {o}|chopping {o}|peeling {o}|cooking {o}|frying {o}|
eating {o}|drinking {o}|pouring {o}|washing {o}|cleaning {o}|painting {o}|drawing {o}|reading {o}|writing {o}|fixing {o}|
building {o}|breaking {o}|opening {o}|closing {o}|buying {o}|selling {o}|riding {o}|driving {o}|jumping over {o}|
climbing {o}|kicking {o}|hitting {o}|lifting {o}|dropping {o}|wearing {o}|putting on {o}|taking off {o}|talking about {o}|
running|walking|dancing|singing|laughing|crying|smiling|sleeping|swimming|jumping|talking|fighting|waiting|sitting|
standing|lying down|talking on the phone|taking a picture|riding a bike|riding a horse|playing the guitar|
playing the piano|playing the flute|playing the violin|playing the drums|playing football|playing basketball|
playing chess|playing in the snow|doing tricks|lifting weights|doing exercises|cooking dinner|brushing teeth|
putting on makeup|shooting a gun|using a computer|watching television|listening to music""".replace("\n", "").split("|")
ACTING = """running|jumping|sleeping|eating|drinking water|swimming|barking|playing with a ball|playing with {o}|chasing {o}|
catching a frisbee|biting {o}|sitting|standing|lying|looking at the camera|looking out of a window|walking|climbing|
rolling on the ground|licking {o}|digging|flying""".replace("\n", "").split("|")
THINGS = """a guitar|a ball|a red ball|a book|a newspaper|a phone|a camera|a computer|a laptop|a bag|a suitcase|an umbrella|
a hat|a helmet|a shirt|a jacket|a car|a red car|a truck|a bus|a train|a bicycle|a motorcycle|a boat|a plane|a horse|a bench|
a chair|a table|a bed|a couch|a door|a window|a fence|a wall|a tree|a flower|some flowers|a rock|a stick|a knife|a gun|
a sword|a hammer|a ladder|a rope|a box|a bottle|a cup of coffee|a glass of wine|a beer|some water|milk|a sandwich|a pizza|
a cake|some bread|an onion|a potato|a tomato|a carrot|a cucumber|garlic|an egg|some meat|a fish|a shrimp|rice|pasta|soup|
a banana|an apple|a flute|a piano|a violin|a drum|a keyboard|a skateboard|a surfboard|a snowboard|a basketball|a football|
a baseball bat|a tennis racket|a sign|a flag|a picture|a letter|a map|a toy|a doll|a balloon|a kite""".replace("\n", "").split("|")
PLACES = """on the beach|in the park|on the street|in a kitchen|at a table|in a restaurant|on a stage|in the snow|in the water|
in a pool|on a bench|in a field|on the grass|in a forest|on a mountain|near a lake|by the river|in the rain|in the city|
at night|in front of a building|next to a car|on a boat|in a room|on a bed|on the couch|on the floor|at the airport|
in a train station|in a market|at a party|in a stadium|in a garden|on a road|on a sidewalk|in a hospital|at school|
in an office|on the roof|under a tree|behind a fence|in the mud|in the desert|in the air|down a hill|through a tunnel""".replace("\n", "").split("|")
LOOKS = """in a red shirt|in a blue shirt|in a white dress|in a black jacket|wearing a hat|wearing glasses|with long hair|
with a beard|with a backpack|in uniform|in orange|with an umbrella|without a shirt|in a suit|wearing a helmet""".replace("\n", "").split("|")
COUNTRIES = """Syria|Egypt|Iran|Iraq|Israel|Pakistan|India|China|Japan|Russia|Ukraine|Turkey|Greece|Spain|France|Germany|
Britain|Ireland|Italy|Poland|Mexico|Brazil|Argentina|Chile|Canada|Australia|South Africa|Nigeria|Kenya|Somalia|Sudan|Mali|
Libya|Tunisia|Yemen|Lebanon|Jordan|Saudi Arabia|Afghanistan|Bangladesh|Thailand|Vietnam|Philippines|Indonesia|Malaysia|
North Korea|South Korea|Cuba|Venezuela|Colombia|Peru|US|UK|EU|UN|Kashmir|Gaza|Crimea|Hong Kong|Taiwan""".replace("\n", "").split("|")
PLACES_NAMED = """Damascus|Cairo|Tehran|Baghdad|Jerusalem|Islamabad|Karachi|Delhi|Mumbai|Beijing|Shanghai|Tokyo|Moscow|Kiev|
Istanbul|Athens|Madrid|Paris|Berlin|London|Dublin|Rome|Mexico City|Rio|Toronto|Sydney|Nairobi|Kabul|Bangkok|Manila|Seoul|
New York|Washington|Boston|Chicago|Texas|California|Florida|Ohio|Colorado""".replace("\n", "").split("|")
ACTORS = """president|prime minister|foreign minister|parliament|government|army|police|troops|rebels|opposition|protesters|court|
judge|central bank|militants|gunmen|officials|workers|students|lawmakers|pope|king|senate|spy chief|former leader|
ruling party|navy|rescuers|miners|regulators|prosecutors""".replace("\n", "").split("|")
NEWS = """{c} {a} calls for {n}|{c} {a} rejects {n}|{c} {a} vows to fight {n}|{c} {a} resigns over {n}|{c} {a} wins election|
{a} in {c} clash over {n}|at least {k} killed in {c} {d}|{k} dead, {k} injured in {p} {d}|{d} kills {k} in {c}|
{d} hits {p}|{c} and {c} sign deal on {n}|{c} and {c} resume talks on {n}|{c} warns {c} over {n}|{c} accuses {c} of {n}|
{c} {a} to visit {c}|{c} {a} dies at {k}|{c} stocks fall on {n} fears|{c} stocks close higher|oil prices rise on {c} tensions|
{c} court jails {k} over {n}|{p} {a} arrest suspect in {d}|{c} bans {n}|{c} lifts ban on {n}|{c} approves {n} plan|
thousands protest in {p} against {n}|{c} launches {n} probe|{k} still missing after {p} {d}|{c} denies {n} claims|
{c} economy grows {k} percent|{c} cuts rates|company to cut {k} jobs in {c}|profit rises {k} percent on {n} sales|
UN urges {c} to end {n}|{c} tests missile|{c} beats {c} in final|{c} frees {k} prisoners|{c} says {n} talks have failed""".replace("\n", "").split("|")
DISASTERS = """bombing|explosion|car bomb|suicide attack|air strike|shooting|earthquake|flood|landslide|storm|typhoon|fire|
plane crash|train crash|bus crash|ferry disaster|mine collapse|riot|stampede|drone strike|raid|blast""".replace("\n", "").split("|")
ISSUES = """violence|peace|nuclear weapons|sanctions|corruption|the budget|tax|debt|human rights|the ceasefire|aid|gas|oil|trade|
immigration|reform|the constitution|the election|chemical weapons|terrorism|spying|drugs|gun control|gay marriage|health care|
climate change|pollution|austerity|the bailout|the border|refugees|kidnapping|fraud|tobacco|alcohol|whaling""".replace("\n", "").split("|")
ASKING = """what is the best way to {v}?|how do I {v}?|should I {v}?|is it possible to {v}?|why would anyone {v}?|
can you {v} without {n}?|what does {n} mean?|what is the difference between {n} and {n}?|how long does it take to {v}?|
you should {v}.|you do not need to {v}.|it depends on {n}.|I would not {v} if I were you.|I think {n} is better than {n}.|
there is no {n} here.|{n} is not the same as {n}.|it is not a good idea to {v}.|do you know how to {v}?|
it is better to {v} than to {v}.|nobody wants to {v}.|I have never tried to {v}.|the problem is {n}.""".replace("\n", "").split("|")
VERBS = """learn a language|lose weight|fix {n}|clean {n}|buy {n}|sell {n}|find {n}|cook {n}|make {n}|use {n}|remove {n}|
install {n}|get rid of {n}|take care of {n}|write about {n}|travel by train|quit a job|ask for a raise|raise a child|train a dog|
store {n}|freeze {n}|eat {n}|grow {n}|paint {n}|repair {n}|replace {n}|learn about {n}|get a visa|rent a flat|invest money|
save money|prove a theorem|cite a source|tune a guitar|ride a bike|fall asleep|wake up early|teach {n}|stop worrying""".replace("\n", "").split("|")


def thing(rng, nouns):
    """A thing with its article: from the list, or a noun of WordNet."""
    if rng.random() < 0.5:
        return rng.choice(THINGS)
    noun = rng.choice(nouns)
    return rng.choice(("a", "the", "the", "some")) + " " + noun if rng.random() < 0.8 else noun


def filled(pattern, rng, fillers):
    """The pattern with each {x} replaced by a draw of fillers["x"]."""
    out = []
    for part in pattern.split("{"):
        key, _, rest = part.partition("}")
        out.append(fillers[key](rng) + rest if rest or part.endswith("}") else part)
    return "".join(out)


def caption(rng, nouns):
    animal = rng.random() < 0.3
    who = rng.choice(ANIMALS if animal else PEOPLE)
    what = filled(rng.choice(ACTING if animal else DOING), rng, {"o": lambda r: thing(r, nouns)})
    look = " " + rng.choice(LOOKS) if not animal and rng.random() < 0.25 else ""
    where = " " + rng.choice(PLACES) if rng.random() < 0.5 else ""
    verb = rng.choice((" is ", " is ", " is ", " ", " is not ", " and " + rng.choice(PEOPLE) + " are "))
    text = who + look + verb + what + where
    return text[0].upper() + text[1:] + rng.choice((".", ".", ""))


def headline(rng, nouns):
    pick = {"c": lambda r: r.choice(COUNTRIES), "p": lambda r: r.choice(PLACES_NAMED),
            "a": lambda r: r.choice(ACTORS), "d": lambda r: r.choice(DISASTERS),
            "k": lambda r: str(r.choice((2, 3, 4, 5, 7, 8, 10, 12, 15, 20, 30, 46, 60, 100, 200))),
            "n": lambda r: r.choice(ISSUES) if r.random() < 0.7 else r.choice(nouns)}
    text = filled(rng.choice(NEWS), rng, pick)
    return text[0].upper() + text[1:]


def remark(rng, nouns):
    pick = {"n": lambda r: thing(r, nouns)}
    pick["v"] = lambda r: filled(r.choice(VERBS), r, {"n": lambda r: thing(r, nouns)})
    text = filled(rng.choice(ASKING), rng, pick)
    return text[0].upper() + text[1:]


def words_only(rng, nouns):
    return " ".join(rng.sample(nouns, rng.randint(2, 4)))


KINDS = ((caption, 160000), (headline, 100000), (remark, 100000), (words_only, 60000))


def made_up(nouns, rng):
    """(source, text): every kind of KINDS in its number; `nouns` are lemmas."""
    for kind, count in KINDS:
        for _ in range(count):
            yield kind.__name__, kind(rng, nouns)
