//! What people of an age talk about. `{a|b|c}` stands for one of the alternatives.

/// Things said mostly around one age.
pub(crate) struct Topic {
    /// Age in years at which the topic is most common.
    pub(crate) age: f64,
    /// Sentences without their full stop.
    pub(crate) sentences: &'static [&'static str],
}

pub(crate) const TOPICS: &[Topic] = &[
    Topic {
        age: 9.0,
        sentences: &[
            "my {mom|dad|big brother} said I {can|could} have a sleepover {on Friday|after my birthday}",
            "I got a new {puppy|scooter|lunch box} and it is {so cool|the best thing ever}",
            "today at recess we played {tag|kickball|hide and seek} and I won",
            "my teacher gave me a {sticker|gold star} for my {spelling test|drawing}",
            "this is my favorite {toy|stuffed animal|coloring book} and {his|her} name is {Buddy|Sparkle|Mister Bear}",
            "I want to be a {vet|superhero|pirate|princess} when I grow up",
        ],
    },
    Topic {
        age: 12.0,
        sentences: &[
            "we built a {castle|huge base|tree house} in {the game|creative mode} and then my friend blew it up",
            "my mom won't let me get a phone until I am in {seventh|sixth} grade",
            "we have {math homework|a science fair|a field trip} tomorrow and I did not {finish|start} it",
            "my {soccer|swim|dance} team {won|lost} on Saturday and we got {pizza|ice cream} after",
            "I did a {slime|bottle flip|trampoline} video and {it got like twenty views|my sister messed it up}",
        ],
    },
    Topic {
        age: 15.5,
        sentences: &[
            "{high school|tenth grade|freshman year} is {so much drama|honestly the worst}",
            "everybody in my {class|grade|lunch group} is {talking about|obsessed with} the new {album|game|show}",
            "I have a crush on {this guy|this girl} in my {chemistry|English|gym} class",
            "my parents {grounded me|took my phone} because of my {grades|report card}",
            "{prom|homecoming|band practice} is next week and I have {nothing to wear|no date}",
            "I just got my {braces off|learner's permit|ears pierced} and I'm freaking out",
        ],
    },
    Topic {
        age: 18.0,
        sentences: &[
            "I'm a senior and I {applied to|got into} {three|four|two} schools and I'm {so nervous|super excited}",
            "{graduation|senior year|the last day of school} went by {way too fast|in a second}",
            "I just passed my driving test and my dad {gave me|let me have} his old {truck|car}",
            "we are packing {for the dorm|my whole room} because I move {in August|next month}",
        ],
    },
    Topic {
        age: 21.0,
        sentences: &[
            "I have {a midterm|finals|two papers} this week and I have not {slept|studied} at all",
            "my roommate and I {went out|stayed up till four|ordered pizza} last night",
            "my {professor|adviser} {moved the deadline|dropped my lowest grade} so I'm not failing",
            "I'm {studying abroad|doing a summer internship|switching my major} next semester",
            "campus is {dead|packed} on weekends so we {hang out at the dorm|play beer pong}",
            "being a broke college student means {ramen|cereal|coffee} for dinner",
        ],
    },
    Topic {
        age: 24.0,
        sentences: &[
            "I just graduated and I'm {sending out resumes|still living with my parents|looking for my first real job}",
            "my {student loans|internship|entry level salary} {is a joke|stress me out}",
            "I moved {to the city|across the country|into my first apartment} with {two roommates|my best friend}",
            "dating apps are {exhausting|a disaster|hilarious} in your early twenties",
        ],
    },
    Topic {
        age: 28.0,
        sentences: &[
            "my {fiance|boyfriend|girlfriend} and I are {planning the wedding|moving in together|saving for a ring}",
            "I {quit my job|got promoted|started freelancing} and {it changed everything|I work from home now}",
            "everyone I know is getting {engaged|married} and I'm just trying to {pay rent|get to the gym}",
            "we adopted a {dog|rescue cat} and {he|she} basically runs our apartment",
            "I've been working at {a startup|an agency|the same company} for {three|four} years now",
            "turning thirty {scares me|is closer than I thought|feels weird}",
        ],
    },
    Topic {
        age: 33.0,
        sentences: &[
            "the baby {did not sleep|is teething|started crawling} so {I'm exhausted|I've had four coffees}",
            "I'm {twenty|thirty|eighteen} weeks pregnant and {the nursery is not done|we just had the ultrasound}",
            "my husband and I {bought|closed on} our first house {in the spring|last month}",
            "our toddler {dumped cereal everywhere|says no to everything|finally uses the potty}",
            "maternity leave {went by so fast|is nearly over} and daycare costs {a fortune|more than rent}",
        ],
    },
    Topic {
        age: 39.0,
        sentences: &[
            "the mortgage, {the car payment|the daycare bill} and {the taxes|the insurance} are due {this week|on Monday}",
            "I drove the kids to {school|practice|piano lessons} and then I had {three meetings|a conference call}",
            "my {wife|husband|ex} and I have two {boys|girls|kids} in elementary school",
            "I've run {this business|a small company|my own practice} for about ten years and I {coach|train|manage} people",
            "we are remodeling the kitchen and the contractor {is late again|found a leak}",
            "my {team|staff|client base} {doubled|grew} after we changed {our strategy|the whole process}",
        ],
    },
    Topic {
        age: 47.0,
        sentences: &[
            "my oldest is {learning to drive|a sophomore|applying to colleges} and {I feel old|I can't believe it}",
            "after twenty years in {management|real estate|the industry} I {went back to school|became a consultant}",
            "my {cholesterol|blood pressure|knees} told me it was time to {change my diet|start walking}",
            "in my forties I {finally learned|stopped worrying about} {what matters|what people think}",
        ],
    },
    Topic {
        age: 55.0,
        sentences: &[
            "the kids have left home and the house is {very quiet|too big for us now}",
            "our daughter is {getting married|finishing medical school} and we are {so proud|paying for all of it}",
            "my doctor said {menopause|my back|the arthritis} is {quite normal|not getting any better} at my age",
            "my husband and I are {downsizing|thinking about retirement|caring for my mother}",
            "I have been {teaching|nursing|in this profession} for over thirty years",
        ],
    },
    Topic {
        age: 64.0,
        sentences: &[
            "since I retired I {volunteer at the library|paint every morning|finally have the time to read}",
            "my wife and I have been married for {forty|thirty-eight|forty-two} years",
            "the pension {is not what it was|covers the bills} and Medicare {is a puzzle|sends a great many letters}",
            "our first grandchild {was born|arrived} {in April|last autumn} and we {drove up|flew out} to see {her|him}",
        ],
    },
    Topic {
        age: 73.0,
        sentences: &[
            "my grandchildren {showed me how to use|gave me} this {camera|computer|telephone}",
            "the {roses|tomatoes|dahlias} in the garden {are doing nicely|came up early} this year",
            "when I was a boy we had {no television|one radio|a coal stove} and {we walked everywhere|nobody complained}",
            "my late {husband|wife}, God rest {his|her} soul, used to say {patience is everything|waste not, want not}",
            "the ladies at church {brought a casserole|are knitting for the fair}",
            "my hip is {not what it was|giving me trouble} but the Lord {gives me strength|keeps me going}",
        ],
    },
];

/// Said at any age.
pub(crate) const NEUTRAL: &[&str] = &[
    "{thank you|thanks} for watching and {subscribe|leave a comment} if you {want more|liked this}",
    "{today|in this video} I'm going to show you {how to make this|what I bought|my favorite things}",
    "the {weather|traffic|light} {is terrible|was really nice} {today|this week}",
    "I {got|ordered} this {online|at the store} for about {ten|fifteen|thirty} dollars",
    "you take {two eggs|some butter|a cup of flour} and you {mix it|stir it} until it {looks right|is smooth}",
    "this {color|fabric|shade} is {beautiful|really pretty|a bit too bright}",
    "people {always ask me|write to me} about {my hair|that song|this place}",
    "we {went to|drove out to} {the beach|the mountains|the city} {on Sunday|for the weekend}",
    "I {think|feel} it is important to {be yourself|listen|keep going}",
    "there is a {link|picture|list} {below|on the page} if you want to {see it|try it}",
    "I {watched|read} {this movie|that book|the first part} {twice|last night} and {loved it|did not get it}",
    "the {music|food|coffee} there is {amazing|pretty good|not bad at all}",
    "{somebody|a friend} asked {what camera this is|how long it takes|why I do this}",
    "it {took|takes} {an hour|a couple of days|forever} to {set up|upload|finish}",
];

/// Ways to begin a sentence, by the age at which they are most common.
pub(crate) const FILLERS: &[(f64, &[&str])] = &[
    (10.0, &["and then", "um, and", "guess what,", "hi guys,"]),
    (
        16.0,
        &["like,", "oh my gosh,", "literally", "no but seriously,"],
    ),
    (22.0, &["like,", "dude,", "I don't know,", "okay so"]),
    (29.0, &["honestly,", "okay so", "so basically", "I mean,"]),
    (
        40.0,
        &[
            "so,",
            "you know,",
            "to be honest,",
            "and what I tell people is",
        ],
    ),
    (55.0, &["well,", "you know,", "of course", "I have to say,"]),
    (
        72.0,
        &[
            "well now,",
            "you see,",
            "I suppose",
            "my goodness,",
            "in those days",
        ],
    ),
];
