"""Languages: what the pages and the mails say, and in which language a person reads it. Each language is one file.

    de.toml, en.toml   a language: its name, its dates, its plurals, the mails, and for all but English the pages
    catalogues.py      `Catalogue`: the words of one file; `catalogue_of`
    sentences.py       `Sentence`: an English sentence that remembers what it was made of
    choosing.py        which of our languages a browser or a client asks for

English is written where it is shown: in the templates, between `{% trans %}` and `{% endtrans %}` or in `_("...")`, and
in the endpoints as constants and `Sentence`s. It is the key of a catalogue's table `pages`. What a catalogue lacks is
shown in English, and a test names it.

A further language is one more file, named by its code (ISO 639). http/languages.py chooses the language of a request.
What programs read (JSON, logs, commands) is always English. Any room above mail/ may import this one; it uses the
standard library only.
"""
