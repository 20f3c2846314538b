// Generated from web/ by `make web`: change the files there, not this one.
// swift-format-ignore-file

/// The dashboard's files, so that the binary needs nothing beside it.
enum WebFiles {
  static let all: [(path: String, text: StaticString)] = [
("index.html", #"""
<!doctype html>
<html lang="en">
<title>Stint</title>
<h1>Stint</h1>
</html>

"""#),
  ]
}
