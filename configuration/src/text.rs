//! How some values are written in a configuration.

use serde::{Deserialize, Deserializer, Serializer, de};

/// A path, or an empty string for none.
pub mod optional_path {
    use super::*;
    use std::path::PathBuf;

    pub fn serialize<S: Serializer>(path: &Option<PathBuf>, serializer: S) -> Result<S::Ok, S::Error> {
        match path {
            Some(path) => serializer.serialize_str(&path.to_string_lossy()),
            None => serializer.serialize_str(""),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PathBuf>, D::Error> {
        let path = String::deserialize(deserializer)?;
        Ok((!path.is_empty()).then(|| path.into()))
    }
}

/// The name of a kind of device.
pub mod device {
    use super::*;
    use sharding::DeviceKind;

    pub fn serialize<S: Serializer>(kind: &DeviceKind, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(kind)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DeviceKind, D::Error> {
        let name = String::deserialize(deserializer)?;
        name.parse().map_err(|_| {
            let names = DeviceKind::ALL.map(|kind| format!("\"{kind}\"")).join(", ");
            de::Error::custom(format!("expected one of {names}"))
        })
    }
}

/// The name of a policy of [`model::remat`], `"dots"`, or a list of names.
pub mod remat {
    use super::*;
    use graph::Remat;
    use model::remat::{POLICIES, SAVEABLE, policy};
    use serde::Serialize;

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Word(String),
        Names(Vec<String>),
    }

    pub fn serialize<S: Serializer>(remat: &Remat, serializer: S) -> Result<S::Ok, S::Error> {
        let named = POLICIES.into_iter().find(|name| policy(name).as_ref() == Some(remat));
        match (named, remat) {
            (Some(name), _) => serializer.serialize_str(name),
            (None, Remat::Save(names)) => names.serialize(serializer),
            (None, _) => serializer.serialize_str("dots"),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Remat, D::Error> {
        let expected = || {
            let names = SAVEABLE.map(|name| format!("{name:?}")).join(", ");
            let words = POLICIES.map(|name| format!("{name:?}")).join(", ");
            de::Error::custom(format!("expected {words}, \"dots\", or a list of names out of {names}"))
        };
        match Written::deserialize(deserializer).map_err(|_| expected())? {
            Written::Word(word) if word == "dots" => Ok(Remat::Dots),
            Written::Word(word) => policy(&word).ok_or_else(expected),
            Written::Names(names) if names.iter().all(|name| SAVEABLE.contains(&name.as_str())) => {
                Ok(Remat::Save(names))
            }
            Written::Names(_) => Err(expected()),
        }
    }
}
