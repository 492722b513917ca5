//! What can happen. Numbers stand for whatever there is then, modulo how many there are: so every list of these is a history, also one that was cut.

use proptest::{collection::vec, prelude::*};

pub(crate) const USERS: usize = 4;

/// Printed as it is written here: a history that failed can be pasted into a test.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Act {
    /// Who founds a group, and masks of members and admins.
    Found(usize, u8, u8),
    /// Who, in which group, whom, as an admin?
    Add(usize, usize, usize, bool),
    Remove(usize, usize, usize),
    /// Who, in which group, whom, make or unmake.
    Admin(usize, usize, usize, bool),
    RotateGroup(usize, usize),
    /// Two of the four above, at once; of whom the second is another's.
    Both(Box<Act>, Box<Act>),
    /// Who, and for whom with which rights.
    Create(usize, Vec<(Whom, u8)>),
    /// The same off line, with a message.
    CreateOffLine(usize, Vec<(Whom, u8)>),
    SendOutbox(usize),
    /// Who writes in which session.
    Write(usize, usize),
    Grant(usize, usize, Whom, u8),
    Revoke(usize, usize, Whom),
    RevokeAll(usize, usize),
    Rotate(usize, usize),
    /// The application assigns the placeholder to a group.
    Assign(usize),
    /// One reads all there is.
    Read(usize),
    /// All read all there is, a minute later; where the server was honest since it was asked last, exactly those who should.
    Check,
    /// The page is loaded again.
    Reload(usize),
    Lock(usize),
    /// Memory and storage of the device are gone.
    Wipe(usize),
    Tend(usize),
    Pass(Time),
    /// What the server does to these users (a mask), until it is honest again.
    Be(Evil, u8),
    Good,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Whom {
    User(usize),
    Group(usize),
    Placeholder,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Time {
    Seconds,
    Minute,
    Hour,
    HalfDay,
    Day,
    Week,
}

impl Time {
    pub(crate) const fn ms(self) -> u64 {
        1000 * match self {
            Self::Seconds => 20,
            Self::Minute => 61,
            Self::Hour => 60 * 60,
            Self::HalfDay => 13 * 60 * 60,
            Self::Day => 25 * 60 * 60,
            Self::Week => 8 * 24 * 60 * 60,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Evil {
    /// The feed says nothing.
    Withhold,
    /// Answers are those of a server that stopped so many acts ago.
    Past(usize),
    /// Of the answers only this is from then: of groups, their heads, sessions, the feed.
    PastPart(usize, Part),
    /// Earlier answers to the same request.
    Replay(usize),
    /// The newest operations aren't told.
    CutOperations,
    /// Nor the newest entries.
    CutEntries,
    /// No heads.
    Headless,
    /// Bodies of stanzas, and objects of groups, in each other's place.
    Swap,
    /// An operation, an entry and a head are put in that one signs who isn't entitled: an outsider (the number after the last user's), or somebody who left; in one of a few
    /// ways.
    Forge(usize, usize),
    /// What was ever wrapped is given to everybody, by logs as they were so many acts ago.
    Collude(usize),
    /// It takes what is sent, and its answers are lost.
    Mute,
    /// It answers as if others asked.
    Mistake,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Part {
    Groups,
    Heads,
    Sessions,
    Feed,
}

fn whom() -> impl Strategy<Value = Whom> {
    prop_oneof![
        4 => (0..USERS).prop_map(Whom::User),
        5 => (0..2_usize).prop_map(Whom::Group),
        1 => Just(Whom::Placeholder),
    ]
}

fn rights() -> impl Strategy<Value = u8> {
    prop_oneof![3 => Just(15), 3 => Just(3), 2 => Just(1), 2 => Just(7), 1 => Just(2)]
}

fn grants() -> impl Strategy<Value = Vec<(Whom, u8)>> {
    (Just(()), vec((whom(), rights()), 1..4)).prop_map(|((), grants)| grants)
}

fn who() -> impl Strategy<Value = usize> {
    0..USERS
}

/// Groups' admins are the first ones mostly: else little would happen.
fn admin() -> impl Strategy<Value = usize> {
    prop_oneof![4 => Just(0_usize), 2 => Just(1), 1 => 0..USERS]
}

fn operation() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => (admin(), 0..2_usize, who(), prop::bool::weighted(0.2)).prop_map(|(by, of, who, admin)| Act::Add(by, of, who, admin)),
        5 => (admin(), 0..2_usize, who()).prop_map(|(by, of, who)| Act::Remove(by, of, who)),
        2 => (admin(), 0..2_usize, who(), any::<bool>()).prop_map(|(by, of, who, make)| Act::Admin(by, of, who, make)),
        1 => (admin(), 0..2_usize).prop_map(|(by, of)| Act::RotateGroup(by, of)),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        8 => operation(),
        1 => (operation(), operation()).prop_map(|(a, b)| Act::Both(Box::new(a), Box::new(b))),
        1 => (admin(), any::<u8>(), any::<u8>()).prop_map(|(by, members, admins)| Act::Found(by, members, admins & 3)),
        2 => (who(), grants()).prop_map(|(by, grants)| Act::Create(by, grants)),
        1 => (who(), grants()).prop_map(|(by, grants)| Act::CreateOffLine(by, grants)),
        1 => who().prop_map(Act::SendOutbox),
        8 => (who(), 0..3_usize).prop_map(|(by, session)| Act::Write(by, session)),
        3 => (who(), 0..3_usize, whom(), rights()).prop_map(|(by, session, whom, rights)| Act::Grant(by, session, whom, rights)),
        2 => (who(), 0..3_usize, whom()).prop_map(|(by, session, whom)| Act::Revoke(by, session, whom)),
        1 => (who(), 0..3_usize).prop_map(|(by, session)| Act::Rotate(by, session)),
        1 => (who(), 0..9_usize).prop_map(|(by, session)| Act::RevokeAll(by, session)),
        1 => (0..2_usize).prop_map(Act::Assign),
        2 => who().prop_map(Act::Read),
        1 => Just(Act::Check),
        2 => who().prop_map(Act::Reload),
        1 => who().prop_map(Act::Lock),
        2 => who().prop_map(Act::Wipe),
        1 => who().prop_map(Act::Tend),
        4 => prop::sample::select(vec![Time::Seconds, Time::Minute, Time::Minute, Time::Hour, Time::HalfDay, Time::Day, Time::Week]).prop_map(Act::Pass),
    ]
}

fn evil() -> impl Strategy<Value = Evil> {
    let part = prop::sample::select(vec![Part::Groups, Part::Heads, Part::Sessions, Part::Feed]);
    prop_oneof![
        2 => Just(Evil::Withhold),
        5 => (0..8_usize).prop_map(Evil::Past),
        4 => (0..8_usize, part).prop_map(|(back, part)| Evil::PastPart(back, part)),
        2 => (0..4_usize).prop_map(Evil::Replay),
        2 => Just(Evil::CutOperations),
        1 => Just(Evil::CutEntries),
        1 => Just(Evil::Headless),
        1 => Just(Evil::Swap),
        4 => (0..=USERS, 0..4_usize).prop_map(|(who, how)| Evil::Forge(who, how)),
        3 => (0..8_usize).prop_map(Evil::Collude),
        1 => Just(Evil::Mute),
        1 => Just(Evil::Mistake),
    ]
}

fn start() -> impl Strategy<Value = Vec<Act>> {
    let first = (0..16_u8, 0..4_u8).prop_map(|(members, admins)| Act::Found(0, members | 2, admins));
    let shared = (who(), grants()).prop_map(|(by, mut grants)| {
        // Mostly for the group, and for who makes it.
        grants.push((Whom::Group(0), if by % 2 == 0 { 15 } else { 3 }));
        if by % 3 != 0 {
            grants.push((Whom::User(by), 15));
        }
        vec![Act::Create(by, grants), Act::Write(by, 0)]
    });
    (first, shared).prop_map(|(first, shared)| [vec![first], shared].concat())
}

/// What seldom comes together by itself, and is worth trying.
fn script() -> impl Strategy<Value = Vec<Act>> {
    let some = (0..USERS, 0..USERS, 0..USERS);
    prop_oneof![
        // Who left, and who writes when he could know.
        some.clone().prop_map(|(_, leaver, writer)| {
            vec![Act::Remove(0, 0, leaver), Act::Pass(Time::Minute), Act::Write(writer, 0)]
        }),
        // What he gave is given no more.
        (some, rights()).prop_map(|((giver, whom, writer), rights)| {
            let give = Act::Grant(giver, 0, Whom::User(whom), rights);
            let write = vec![Act::Pass(Time::Minute), Act::Write(writer, 0), Act::Rotate(writer, 0)];
            [vec![Act::Add(0, 0, giver, false), give, Act::Remove(0, 0, giver)], write].concat()
        }),
        Just(vec![
            Act::Create(3, vec![(Whom::Placeholder, 15), (Whom::User(3), 15)]),
            Act::Write(3, 1),
            Act::Assign(0)
        ]),
    ]
}

/// Somebody whose device was wiped, or who was told of a removal, is told what was before it.
fn rollback() -> impl Strategy<Value = Vec<Act>> {
    let past = prop_oneof![
        2 => (0..8_usize).prop_map(Evil::Past),
        1 => (0..8_usize).prop_map(|back| Evil::PastPart(back, Part::Groups)),
        1 => (0..8_usize).prop_map(|back| Evil::PastPart(back, Part::Sessions)),
    ];
    (
        0..2_usize,
        who(),
        past,
        any::<bool>(),
        prop_oneof![Just(Act::Wipe as fn(usize) -> Act), Just(Act::Reload as fn(usize) -> Act)],
    )
        .prop_map(|(admin, leaver, past, learns, begin)| {
            let whom = Whom::Group(0);
            let learn = if learns { vec![Act::Read(admin)] } else { Vec::new() };
            let begun = vec![begin(admin), Act::Be(past, 1 << admin)];
            let acts = vec![Act::Create(admin, vec![(whom, 15)]), Act::Write(admin, 0), Act::Write(admin, 1)];
            [vec![Act::Remove(admin, 0, leaver)], learn, begun, acts].concat()
        })
}

/// Who left signs what he could have signed before.
fn forgery() -> impl Strategy<Value = Vec<Act>> {
    (who(), 0..USERS, 0..4_usize).prop_map(|(leaver, victim, how)| {
        let leave = vec![
            Act::Add(0, 0, leaver, how == 3),
            Act::Remove(0, 0, leaver),
            Act::Read(victim),
            Act::Pass(Time::Minute),
        ];
        let tell = vec![Act::Reload(victim), Act::Be(Evil::Forge(leaver, how), 1 << victim), Act::Read(victim)];
        [leave, tell, vec![Act::Write(victim, 0), Act::Rotate(victim, 0), Act::Grant(victim, 0, Whom::User(victim), 1)]]
            .concat()
    })
}

fn cut(scripts: Vec<Vec<Act>>, start: Vec<Act>) -> Vec<Act> {
    start.into_iter().chain(scripts.into_iter().flatten()).collect()
}

/// With a server that is what it should be.
pub(crate) fn honest() -> impl Strategy<Value = Vec<Act>> {
    let some = prop_oneof![12 => act().prop_map(|act| vec![act]), 1 => script()];
    (vec(some, 4..16), start()).prop_map(|(acts, start)| cut(acts, start))
}

/// With one that isn't, at times.
pub(crate) fn evil_too() -> impl Strategy<Value = Vec<Act>> {
    let some = prop_oneof![
        30 => act().prop_map(|act| vec![act]),
        8 => (evil(), any::<u8>()).prop_map(|(evil, whom)| vec![Act::Be(evil, whom)]),
        2 => Just(vec![Act::Good]),
        2 => script(),
        3 => rollback(),
        2 => forgery(),
    ];
    (vec(some, 5..16), start()).prop_map(|(acts, start)| cut(acts, start))
}
