//! Header fields, of WARC records and of HTTP.

/// Names and values, in order. Names are in lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// Adds a line; one that begins with a space or tab goes on with the value before it.
    ///
    /// # Errors
    /// A line without a colon or a name.
    pub fn line(&mut self, line: &[u8]) -> Result<(), &'static str> {
        let text = String::from_utf8_lossy(line);
        if text.starts_with([' ', '\t']) {
            let (_, value) = self.0.last_mut().ok_or("a line that goes on with none")?;
            if !value.is_empty() {
                value.push(' ');
            }
            value.push_str(text.trim());
            return Ok(());
        }
        let (name, value) = text.split_once(':').ok_or("a header line without a colon")?;
        match name.trim() {
            "" => Err("a header line without a name"),
            name => {
                self.0.push((name.to_ascii_lowercase(), value.trim().to_owned()));
                Ok(())
            }
        }
    }

    /// The first value of a field; `name` is in lower case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(found, _)| found == name).map(|(_, value)| &value[..])
    }

    /// All values of a field.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(found, _)| found == name).map(|(_, value)| &value[..])
    }
}
