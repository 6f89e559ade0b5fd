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

/// `"none"`, `"dots"`, `"full"`, or a list of names.
pub mod remat {
    use super::*;
    use graph::Remat;
    use model::remat::SAVEABLE;
    use serde::Serialize;

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Word(String),
        Names(Vec<String>),
    }

    pub fn serialize<S: Serializer>(remat: &Remat, serializer: S) -> Result<S::Ok, S::Error> {
        match remat {
            Remat::None => serializer.serialize_str("none"),
            Remat::Dots => serializer.serialize_str("dots"),
            Remat::Full => serializer.serialize_str("full"),
            Remat::Save(names) => names.serialize(serializer),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Remat, D::Error> {
        let expected = || {
            let names = SAVEABLE.map(|name| format!("{name:?}")).join(", ");
            de::Error::custom(format!(
                "expected \"none\", \"dots\", \"full\", or a list of names out of {names}"
            ))
        };
        match Written::deserialize(deserializer).map_err(|_| expected())? {
            Written::Word(word) => match word.as_str() {
                "none" => Ok(Remat::None),
                "dots" => Ok(Remat::Dots),
                "full" => Ok(Remat::Full),
                _ => Err(expected()),
            },
            Written::Names(names) if names.iter().all(|name| SAVEABLE.contains(&name.as_str())) => {
                Ok(Remat::Save(names))
            }
            Written::Names(_) => Err(expected()),
        }
    }
}
