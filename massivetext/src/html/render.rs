//! Blocks to text.

use super::blocks::{Block, Kind};
use super::names::Tag;
use super::tree::Document;

/// The text of blocks: lines, with a blank line between paragraphs. Items begin with `- ` or their number.
pub fn render(document: &Document, removed: &[bool], blocks: &[(&Block, bool)]) -> String {
    let mut text = String::new();
    let mut gap = 0;
    for &(block, is_kept) in blocks {
        gap = gap.max(block.gap);
        if is_kept {
            let newlines = if text.is_empty() { 0 } else { gap };
            gap = 0;
            (0..newlines).for_each(|_| text.push('\n'));
            write(document, removed, block, &mut text);
        }
    }
    text
}

fn write(document: &Document, removed: &[bool], block: &Block, text: &mut String) {
    let start = text.len();
    if let Some(marker) = block.marker {
        (1..marker.depth).for_each(|_| text.push_str("  "));
        match marker.number {
            Some(number) => text.push_str(&format!("{number}. ")),
            None => text.push_str("- "),
        }
    }
    let mut line = Line { text, space: "", is_begun: false, is_pre: block.kind == Kind::Pre };
    let mut place = block.nodes.start;
    while place < block.nodes.end {
        let node = document.at(place);
        if removed[place as usize] {
            place = node.end;
            continue;
        }
        match node.tag {
            Tag::Text => line.push(&document.text[node.bytes()]),
            Tag::Break if block.kind == Kind::Row => line.wait(" "),
            Tag::Break => line.wait("\n"),
            Tag::Cell => line.wait("\t"),
            tag if tag.is_block() => line.wait(" "),
            _ => (),
        }
        place += 1;
    }
    let end = text.trim_end().len().max(start);
    text.truncate(end);
}

struct Line<'a> {
    text: &'a mut String,
    /// What comes before the next word.
    space: &'static str,
    is_begun: bool,
    is_pre: bool,
}

impl Line<'_> {
    fn wait(&mut self, space: &'static str) {
        if self.is_pre {
            self.text.push_str(space);
        } else if matches!(self.space, "" | " ") {
            self.space = space;
        }
    }

    fn push(&mut self, text: &str) {
        if self.is_pre {
            // The newline after `<pre>` is none of the text's.
            let text = if self.is_begun { text } else { text.trim_start_matches('\n') };
            self.text.push_str(text);
            self.is_begun = true;
            return;
        }
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            if c.is_whitespace() {
                self.wait_softly();
                rest = rest.trim_start();
                continue;
            }
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            if self.is_begun {
                self.text.push_str(self.space);
            }
            self.text.push_str(word);
            (self.space, self.is_begun, rest) = ("", true, after);
        }
    }

    fn wait_softly(&mut self) {
        if self.space.is_empty() {
            self.space = " ";
        }
    }
}
