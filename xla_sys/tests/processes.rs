//! A client of several processes, as far as one process can show it: the fake plugin and a store in memory. That two
//! real processes find each other through a real store is in train/tests/processes.rs.

mod common;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use common::Fake;
use xla_sys::*;

/// A store in memory, which can be told to misbehave.
#[derive(Default)]
struct Memory {
    values: Mutex<HashMap<Vec<u8>, Vec<u8>>>,
    panics: bool,
    fails: Option<KeyValueError>,
}

impl KeyValueStore for Memory {
    fn try_get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, KeyValueError> {
        Ok(self.values.lock().unwrap().get(key).cloned())
    }

    fn put(&self, key: &[u8], value: &[u8]) -> Result<(), KeyValueError> {
        if self.panics {
            std::panic::resume_unwind(Box::new("stays here"));
        }
        if let Some(error) = &self.fails {
            return Err(error.clone());
        }
        self.values.lock().unwrap().insert(key.to_vec(), value.to_vec());
        Ok(())
    }
}

fn node(index: i64, count: i64) -> Vec<NamedValue> {
    let options = [("num_nodes", count), ("node_id", index), ("kv_timeout_ms", 3000)];
    options.map(|(name, value)| NamedValue::new(name, value)).to_vec()
}

#[test]
fn clients_that_meet_in_a_store_see_each_others_devices() {
    let fake = Fake::new();
    let store = Arc::new(Memory::default());
    let clients: Vec<Client> = std::thread::scope(|scope| {
        let start = |index| {
            let (plugin, store) = (fake.plugin.clone(), store.clone());
            scope.spawn(move || plugin.client_with_store(&node(index, 3), store).unwrap())
        };
        let threads: Vec<_> = (0..3).map(start).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for (index, client) in clients.iter().enumerate() {
        let ids = |devices: &[Device]| devices.iter().map(Device::id).collect::<Vec<_>>();
        assert_eq!(ids(client.devices()), [4, 5, 2, 3, 0, 1]);
        assert_eq!(ids(client.addressable_devices()), [2 * index as i32, 2 * index as i32 + 1]);
        assert_eq!(client.process_index().unwrap(), index as i32);
        let processes: Vec<_> =
            client.devices().iter().map(|device| device.description().process_index).collect();
        assert_eq!(processes, [2, 2, 1, 1, 0, 0]);
    }
    // The store lives as long as the clients, and no longer.
    assert_eq!(Arc::strong_count(&store), 4);
    drop(clients);
    assert_eq!(Arc::strong_count(&store), 1);
    fake.assert_clean();
}

#[test]
fn a_process_that_does_not_come_is_an_error_in_time() {
    let fake = Fake::new();
    let options = [node(0, 2), vec![NamedValue::new("kv_timeout_ms", 50)]].concat();
    let began = Instant::now();
    let store = Arc::new(Memory::default());
    let error = fake.plugin.client_with_store(&options, store.clone()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "PJRT_Client_Create failed with DEADLINE_EXCEEDED: no process has put a value for the key `fake/devices/1` \
         within 0.05 s"
    );
    assert!(began.elapsed() < Duration::from_secs(2));
    assert_eq!(Arc::strong_count(&store), 1);
    fake.assert_clean();
}

#[test]
fn a_failure_of_the_store_comes_back_through_the_plugin() {
    let fake = Fake::new();
    let check = |store: Memory, options: &[NamedValue], expected: &str| {
        let error = fake.plugin.client_with_store(options, Arc::new(store)).unwrap_err();
        assert_eq!(error.to_string(), expected);
        fake.assert_clean();
    };
    let fails = Some(KeyValueError::new(ErrorCode::Unavailable, "nobody is there"));
    check(
        Memory { fails, ..Memory::default() },
        &node(0, 2),
        "PJRT_Client_Create failed with UNAVAILABLE: nobody is there",
    );
    // A code that means success to a plugin is not passed on.
    let fails = Some(KeyValueError::new(ErrorCode::Other(0), "nobody knows"));
    check(
        Memory { fails, ..Memory::default() },
        &node(0, 2),
        "PJRT_Client_Create failed with UNKNOWN: nobody knows",
    );
    check(
        Memory { panics: true, ..Memory::default() },
        &node(0, 2),
        "PJRT_Client_Create failed with INTERNAL: the key-value store panicked; see above for where",
    );
}

#[test]
fn an_error_that_cannot_be_reported_is_not_taken_for_success() {
    let fake = Fake::new();
    let store = Memory::default();
    // All values are there, so that only the first question, for a key that has none, fails.
    for index in 0..2 {
        let value = format!("devices=2\0node={index}");
        store.put(format!("fake/devices/{index}").as_bytes(), value.as_bytes()).unwrap();
    }
    let store = Arc::new(Memory {
        fails: Some(KeyValueError::new(ErrorCode::Unavailable, "lost")),
        values: Mutex::new(store.values.into_inner().unwrap()),
        panics: false,
    });
    let options = [node(0, 2), vec![NamedValue::new("kv_mute", 1)]].concat();
    let error = fake.plugin.client_with_store(&options, store).unwrap_err();
    assert!(error.to_string().contains("no way to report an error"), "{error}");
    fake.assert_clean();
}

#[test]
fn without_a_store_there_is_one_process() {
    let fake = Fake::new();
    let error = fake.plugin.client(&node(0, 2)).unwrap_err();
    assert!(error.to_string().ends_with("several nodes need a key-value store"), "{error}");
    fake.assert_clean();
}

/// A plugin that is on this machine, whether or not it finds devices.
fn installed(kind: locate::DeviceKind) -> Option<Plugin> {
    let located = locate::Locator::from_environment().find(kind, None).unwrap();
    let Some(located) = located else {
        eprintln!("skipped: no {kind} plugin on this machine");
        return None;
    };
    let mut options = PluginOptions::located(kind, &located);
    // Or libtpu asks for a metadata server, for half a minute.
    options.environment.push(("TPU_SKIP_MDS_QUERY".into(), "1".into()));
    Some(Plugin::load(&located.path, &options).unwrap())
}

/// What a plugin says to some options, with a store that refuses everything: a plugin that has devices does not wait for
/// processes that never come.
fn refusal(plugin: &Plugin, options: &[(&str, i64)]) -> String {
    let options: Vec<_> = options.iter().map(|(name, value)| NamedValue::new(*name, *value)).collect();
    let nobody = KeyValueError::new(ErrorCode::Unavailable, "nobody is there");
    let store = Memory { fails: Some(nobody), ..Memory::default() };
    let client = plugin.client_with_store(&options, Arc::new(store));
    client.map_or_else(|error| error.to_string(), |_| "a client".to_owned())
}

// Plugins look at the names of options before they look for devices.
const UNKNOWN: &str = "Unexpected option name passed to PJRT_Client_Create";

#[test]
fn the_cuda_plugin_knows_the_options_of_several_processes() {
    let Some(plugin) = installed(locate::DeviceKind::Cuda) else { return };
    let check = |options: &[(&str, i64)], unknown: bool| {
        let message = refusal(&plugin, options);
        assert_eq!(message.contains(UNKNOWN), unknown, "{message}");
    };
    check(&[("num_nodes", 2), ("node_id", 0)], false);
    check(&[("number_of_nodes", 2)], true);
}

#[test]
fn the_tpu_plugin_takes_a_store_and_has_no_options_of_several_processes() {
    let Some(plugin) = installed(locate::DeviceKind::Tpu) else { return };
    let check = |options: &[(&str, i64)], unknown: bool| {
        let message = refusal(&plugin, options);
        assert_eq!(message.contains(UNKNOWN), unknown, "{message}");
    };
    check(&[], false);
    check(&[("num_nodes", 2)], true);
}
