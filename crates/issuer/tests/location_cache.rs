//! The cache of a location, before the store and behind the memories of several instances: it saves reads, and
//! changes nothing else.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must stop, and say where"
)]

use edgemint_issuer::ports::LocationCache;
use edgemint_issuer::{ApiId, ApiRecord};
use edgemint_testkit::{NOW, signing_key};
use proptest::prelude::*;

mod location;

use location::{API, World, client, secret};

#[test]
fn the_instances_of_a_location_read_a_record_once_in_the_cache_time() {
    for (has_location, expected) in [(false, [10, 20]), (true, [1, 2])] {
        let world = World::new(10, has_location, &[]);
        let statuses = (0..10).map(|i| world.status(i, 6 * i as u64)).collect::<Vec<_>>();
        assert_eq!(statuses, [200; 10]);
        assert_eq!(world.store.reads(), expected[0], "{has_location}");
        // Without the cache of the location, the last instance may serve its record until the second 113.
        assert!((0..10).all(|i| world.status(i, 114) == 200));
        assert_eq!(world.store.reads(), expected[1], "{has_location}");
    }
}

#[test]
fn records_of_apis_are_shared_too() {
    let world = World::new(3, true, &[]);
    let form = format!("grant_type=client_credentials&resource={API}");
    assert!((0..3).all(|i| world.post(i, "/token", &form, 0).0 == 200));
    assert_eq!(world.store.reads.borrow().values().copied().collect::<Vec<_>>(), [1, 1]);
    assert_eq!((world.location.lookups(), world.location.puts()), (6, 2));
}

/// A request may name many APIs and clients, and Cloudflare allows few calls per request.
#[test]
fn a_request_looks_for_three_records_at_most() {
    let world = World::new(3, true, &[]);
    let apis: Vec<String> = (0..8).map(|i| format!("https://api{i}.example/")).collect();
    let mut record = client(100);
    for id in &apis {
        let api = ApiRecord::new(ApiId::parse(id).unwrap(), "API");
        world.store.records.borrow_mut().insert(api.id.kv_key(), api.to_json());
        record.grants.insert(api.id, Vec::new());
    }
    world.put(&record);
    let resources: String = apis.iter().map(|id| format!("&resource={id}")).collect();
    for instance in 0..3 {
        let form = format!("grant_type=client_credentials{resources}");
        assert_eq!(world.post(instance, "/token", &form, 0).0, 200);
    }
    assert_eq!((world.location.lookups(), world.location.puts()), (9, 3));
    assert_eq!(world.store.reads(), 9 + 6 + 6);
}

#[test]
fn a_record_from_the_location_is_as_old_as_its_read() {
    let world = World::new(3, true, &[]);
    assert_eq!((world.status(0, 0), world.status(1, 59)), (200, 200));
    let mut disabled = client(100);
    disabled.disabled = true;
    world.put(&disabled);
    assert_eq!((world.status(0, 59), world.status(1, 59), world.status(2, 59)), (200, 200, 200));
    assert_eq!(world.store.reads(), 1);
    assert_eq!((0..3).map(|i| world.status(i, 60)).collect::<Vec<_>>(), [401, 401, 401]);
    assert_eq!(world.store.reads(), 2, "and the change is read once");
}

#[test]
fn a_record_from_the_location_is_stale_as_long_as_after_its_read() {
    let world = World::new(2, true, &[]);
    assert_eq!((world.status(0, 0), world.status(1, 59)), (200, 200));
    world.store.is_down.set(true);
    assert_eq!((world.status(1, 60), world.status(1, 659), world.status(1, 660)), (200, 200, 503));
    let world = World::new(2, true, &[]);
    assert_eq!(world.status(0, 0), 200);
    world.store.is_down.set(true);
    assert_eq!((world.status(1, 59), world.status(1, 60)), (200, 200), "what others read helps in an outage");
}

#[test]
fn nothing_is_shared_about_what_is_absent_or_malformed() {
    let world = World::new(2, true, &[]);
    world.store.records.borrow_mut().clear();
    assert_eq!((world.status(0, 0), world.status(1, 0)), (401, 401));
    for corrupt in ["", "{", r#"{"v":3,"id":"app"}"#, &client(100).to_json().replace("\"app\"", "\"other\"")]
    {
        world.store.records.borrow_mut().insert("client:app".into(), corrupt.into());
        assert_eq!((world.status(0, 0), world.status(1, 0)), (500, 500), "{corrupt}");
    }
    assert_eq!((world.location.puts(), world.location.lookups()), (0, 10));
    world.put(&client(100));
    assert_eq!((world.status(0, 0), world.status(1, 0), world.location.puts()), (200, 200, 1));
}

#[test]
fn introspection_and_revocation_do_not_touch_it() {
    let world = World::new(4, true, &[("TOKEN_PROFILE", "rfc9068")]);
    let (_, body) = world.post(0, "/token", &format!("grant_type=client_credentials&resource={API}"), 0);
    let about = format!("token={}", body["access_token"].as_str().unwrap());
    let (touched, reads) = ((world.location.lookups(), world.location.puts()), world.store.reads());
    assert_eq!(touched, (2, 2));
    // The memories of these instances are empty.
    let (status, answer) = world.post(1, "/token/introspect", &about, 1);
    assert_eq!((status, &answer["active"]), (200, &true.into()));
    assert_eq!(world.post(2, "/token/revoke", &about, 1).0, 200);
    assert!(world.store.reads() >= reads + 2);
    assert_eq!((world.location.lookups(), world.location.puts()), touched);
    // They see a change that the location does not have yet.
    let mut disabled = client(100);
    disabled.disabled = true;
    world.put(&disabled);
    assert_eq!(world.post(3, "/token/introspect", &about, 2).0, 401);
    assert_eq!((world.location.lookups(), world.location.puts()), touched);
}

#[test]
fn where_it_is_off_it_is_not_touched() {
    for more in
        [("LOCATION_CACHE", "off"), ("CLIENT_CACHE", "0"), ("ISSUER", "https://edgemint.example.workers.dev")]
    {
        let world = World::new(2, true, &[more]);
        assert_eq!((world.status(0, 0), world.status(1, 0)), (200, 200));
        assert_eq!((world.location.lookups(), world.location.puts()), (0, 0), "{more:?}");
        assert_eq!(world.store.reads(), 2);
    }
}

#[test]
fn what_is_in_the_location_names_nobody_and_helps_nobody_else() {
    let world = World::new(1, true, &[]);
    assert_eq!(world.status(0, 0), 200);
    let entries = world.location.entries();
    assert_eq!(entries.len(), 1);
    assert!(!entries[0].0.contains("app") && !entries[0].1.contains(secret().expose()), "{entries:?}");
    // Another deployment in the same location, with the same client ID.
    let other = signing_key("ES256", &[]);
    for more in [("SIGNING_KEY_A", other.as_str()), ("ISSUER", "https://other.example")] {
        let mut world = World::new(1, true, &[]);
        assert_eq!(world.status(0, 0), 200);
        world.instances.push(world.instance(&[more]));
        assert_eq!((world.status(1, 0), world.store.reads(), world.location.entries().len()), (200, 2, 2));
    }
}

#[test]
fn an_altered_entry_is_read_again_and_replaced() {
    let alterations: [fn(&mut String); 5] = [
        |text| *text = text.replace("\"disabled\":false", "\"disabled\":true"),
        |text| text.clear(),
        |text| text.push(' '),
        |text| *text = text.replacen('1', "2", 1),
        |text| *text = text.replace(&NOW.to_string(), &(NOW + 1).to_string()),
    ];
    for alter in alterations {
        let world = World::new(3, true, &[]);
        assert_eq!(world.status(0, 0), 200);
        let before = world.location.entries();
        world.location.alter(alter);
        assert_ne!(world.location.entries(), before);
        assert_eq!((world.status(1, 0), world.store.reads()), (200, 2));
        assert_eq!((world.status(2, 0), world.store.reads()), (200, 2));
        assert_eq!(world.location.entries(), before);
    }
}

#[derive(Debug, Clone)]
enum Step {
    /// A request at this instance.
    Ask(usize),
    Wait(u64),
    /// A change of the record: its tokens live one second longer.
    Change,
    /// The location loses everything.
    Lose,
    /// The location fails from now on, or no more.
    Down(bool),
    /// The entry is overwritten by one that was there earlier.
    Restore,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..4_usize).prop_map(Step::Ask),
        4 => (0..45_u64).prop_map(Step::Wait),
        3 => Just(Step::Change),
        1 => Just(Step::Lose),
        1 => any::<bool>().prop_map(Step::Down),
        1 => Just(Step::Restore),
    ]
}

proptest! {
    /// With the cache of a location as without it: a record is served for less than the cache time after the
    /// second at which another one replaced it.
    #[test]
    fn a_change_is_seen_as_early_as_without_it(
        has_location: bool,
        seconds in prop_oneof![Just(30_u64), Just(60)],
        steps in proptest::collection::vec(step(), 0..120),
    ) {
        let time = format!("{seconds}s");
        let world = World::new(4, has_location, &[("CLIENT_CACHE", &time)]);
        // The seconds at which each version was replaced.
        let (mut replaced, mut at) = (Vec::new(), 0);
        let mut earlier: Vec<Vec<(String, String)>> = Vec::new();
        for step in steps {
            match step {
                Step::Wait(time) => at += time,
                Step::Change => {
                    replaced.push(at);
                    world.put(&client(100 + replaced.len() as u64));
                }
                Step::Lose => world.location.alter(String::clear),
                Step::Down(is_down) => world.location.set_down(is_down),
                Step::Restore => {
                    if let Some(entries) = earlier.get(at as usize % earlier.len().max(1)) {
                        for (name, text) in entries {
                            world.location.cache(name, text, seconds);
                        }
                    }
                }
                Step::Ask(instance) => {
                    let (status, body) = world.token(instance, at);
                    prop_assert_eq!(status, 200);
                    let version = body["expires_in"].as_u64().unwrap() - 100;
                    let replaced_at = replaced.get(version as usize);
                    prop_assert!(
                        replaced_at.is_none_or(|replaced_at| at < replaced_at + seconds),
                        "version {} was replaced at {:?} and served at {}", version, replaced_at, at
                    );
                    earlier.push(world.location.entries());
                }
            }
        }
    }
}
