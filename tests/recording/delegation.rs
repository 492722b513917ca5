//! `delegation.json`: SPEC section 18.

use super::{
    entity, entity_invalid, exchange_key, exchange_key_invalid, manifest,
    rows::{self, Cast},
};
use crate::common::{
    delegations::Input,
    rng::Seeded,
    rows::{Opened, Refused},
    schema::File,
};

pub(super) type Rows = rows::Rows<Input>;

pub(super) fn file(rng: &mut Seeded) -> File<Opened<Input>, Refused<Input>> {
    let mut cast = Cast::new(rng);
    let mut rows = Rows::new();
    exchange_key::chains(rng, &cast, &mut rows);
    exchange_key_invalid::chains(rng, &cast, &mut rows);
    entity::stories(rng, &cast, &mut rows);
    entity::entities(rng, &cast, &mut rows);
    entity_invalid::entities(rng, &cast, &mut rows);
    manifest::manifests(&cast, &mut rows);
    // At the end: who is renewed has two bundles from here on.
    let before = exchange_key::by_alice(rng, &cast);
    cast.alice.renew(rng);
    exchange_key::renewed(rng, &cast, &mut rows, before);
    rows.file()
}
