//! Native tests of the limits on waiting requests. The Worker as a whole runs only in workerd
//! (`tests/e2e/tests/dropped.rs`).

#[path = "../src/waiting.rs"]
mod waiting;

use std::rc::Rc;

use waiting::Waiting;

/// Room for three requests or 100 bytes, for ten seconds.
fn waiting() -> Waiting<Rc<()>> {
    Waiting::new(3, 100, 10)
}

#[test]
fn there_is_room_until_one_of_the_bounds_is_reached_and_again_when_something_goes_on() {
    let mut waits = waiting();
    for id in 0..3 {
        assert!(waits.has_room());
        assert!(waits.insert(id, 1, 1, Rc::default()).is_none());
    }
    assert!(!waits.has_room(), "three wait");
    assert!(waits.take(1).is_some() && waits.take(1).is_none());
    assert!(waits.has_room());

    let mut waits = waiting();
    waits.insert(0, 1, 99, Rc::default());
    assert!(waits.has_room());
    waits.insert(1, 1, 1, Rc::default());
    assert!(!waits.has_room(), "100 bytes wait");
    assert!(waits.take(1).is_some());
    assert!(waits.has_room());
}

#[test]
fn what_waits_for_too_long_is_dropped_and_its_room_is_free() {
    let mut waits = waiting();
    let (old, young) = (Rc::new(()), Rc::new(()));
    waits.insert(0, 5, 60, Rc::clone(&old));
    waits.insert(1, 9, 60, Rc::clone(&young));
    for now in [9, 15] {
        assert!(waits.sweep(now).is_empty() && !waits.has_room(), "at {now}");
    }
    assert_eq!(waits.sweep(16).len(), 1);
    assert!(waits.has_room());
    assert_eq!((Rc::strong_count(&old), Rc::strong_count(&young)), (1, 2));
    assert!(waits.take(0).is_none(), "it is not resumed");
    assert!(waits.take(1).is_some());
}

#[test]
fn a_request_that_waits_again_and_again_is_not_too_old() {
    let mut waits = waiting();
    waits.insert(0, 0, 1, Rc::default());
    for now in (10..100).step_by(10) {
        assert!(waits.sweep(now).is_empty());
        assert!(waits.take(0).is_some(), "at {now}");
        waits.insert(0, now, 1, Rc::default());
    }
    assert_eq!(waits.sweep(101).len(), 1);
}

#[test]
fn it_looks_once_in_a_second_whichever_way_the_clock_goes() {
    let mut waits = waiting();
    assert!(waits.sweep(100).is_empty());
    waits.insert(0, 10, 1, Rc::default());
    assert!(waits.sweep(100).is_empty(), "it has looked in this second");
    assert!(waits.sweep(20).is_empty());
    assert_eq!(waits.sweep(21).len(), 1);
}

#[test]
fn what_takes_the_place_of_another_takes_its_bytes() {
    let mut waits = waiting();
    waits.insert(0, 0, 99, Rc::default());
    assert!(waits.insert(0, 0, 1, Rc::default()).is_some());
    waits.insert(1, 0, 98, Rc::default());
    assert!(waits.has_room());
}
