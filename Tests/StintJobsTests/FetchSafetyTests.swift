import NIOCore
import NIOHTTP1
import NIOPosix
import StintCore
import StintEngine
import Testing

@testable import StintJobs

@Suite("fetch stays outside", .timeLimit(.minutes(5)))
struct FetchSafetyTests {
  /// Addresses that are not of the public internet, and what they are called.
  static let forbidden: [(String, String)] = [
    ("0.0.0.0", "unspecified"), ("0.1.2.3", "reserved"), ("10.0.0.1", "private"), ("10.255.255.255", "private"),
    ("100.64.0.1", "carrier-grade NAT"), ("100.127.255.255", "carrier-grade NAT"), ("127.0.0.1", "loopback"),
    ("127.255.255.254", "loopback"), ("169.254.169.254", "link-local"), ("172.16.0.1", "private"),
    ("172.31.255.255", "private"), ("192.0.0.8", "reserved"), ("192.0.2.1", "documentation"),
    ("192.88.99.1", "6to4"), ("192.168.0.1", "private"), ("198.18.0.1", "benchmarking"),
    ("198.19.255.255", "benchmarking"), ("198.51.100.1", "documentation"), ("203.0.113.1", "documentation"),
    ("224.0.0.1", "multicast"), ("239.255.255.255", "multicast"), ("240.0.0.1", "reserved"),
    ("255.255.255.255", "broadcast"),
    ("::", "unspecified"), ("::1", "loopback"), ("::ffff:127.0.0.1", "IPv4-mapped"),
    ("::ffff:8.8.8.8", "IPv4-mapped"), ("::ffff:a00:1", "IPv4-mapped"), ("::127.0.0.1", "IPv4-compatible"),
    ("::ffff:0:127.0.0.1", "IPv4-translated"), ("64:ff9b::7f00:1", "NAT64"), ("64:ff9b::8.8.8.8", "NAT64"),
    ("64:ff9b:1::1", "NAT64"), ("100::1", "reserved"), ("2001::1", "Teredo"),
    ("2001:0:4136:e378:8000:63bf:3fff:fdd2", "Teredo"), ("2001:10::1", "reserved"), ("2001:db8::1", "documentation"),
    ("2002:7f00:1::", "6to4"), ("2002:a00:1::1", "6to4"), ("3fff::1", "documentation"), ("4000::1", "reserved"),
    ("5f00::1", "reserved"), ("fc00::1", "unique-local"), ("fd12:3456::1", "unique-local"),
    ("fe80::1", "link-local"), ("febf::1", "link-local"), ("fec0::1", "site-local"), ("ff02::1", "multicast"),
  ]

  @Test("An address that is not public is refused, written out", arguments: forbidden)
  func literal(address: String, name: String) async throws {
    let asked = Locked(0)
    var policy = FetchPolicy()
    policy.resolve = { _, _ in
      asked.withLock { $0 += 1 }
      return []
    }
    let url = address.contains(":") ? "http://[\(address)]/" : "http://\(address)/"
    let error = try #require(try await fetch(url, policy)["error"]?.string)
    #expect(error.hasPrefix("refused: ") && error.contains(name), "\(error)")
    #expect(asked.withLock { $0 } == 0)
  }

  @Test("An address that is not public is refused behind a name", arguments: forbidden)
  func behindName(address: String, name: String) async throws {
    var policy = FetchPolicy()
    policy.resolve = { _, port in [try SocketAddress(ipAddress: address, port: port)] }
    let error = try #require(try await fetch("https://inside.test/", policy)["error"]?.string)
    #expect(error.hasPrefix("refused: inside.test resolves to ") && error.contains(name), "\(error)")
  }

  @Test(
    "Public addresses are not refused",
    arguments: [
      "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255",
      "128.0.0.0", "169.253.255.255", "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0",
      "198.17.255.255", "198.20.0.0", "223.255.255.255", "2003::1", "2606:4700:4700::1111", "2a00:1450::1",
      "2001:200::1", "2001:4860:4860::8888",
    ])
  func publicAddress(text: String) throws {
    let address = try #require(IPAddress(text))
    #expect(FetchPolicy().refusal(of: address) == nil)
  }

  @Test(
    "Odd spellings of an address are refused before anything is resolved",
    arguments: [
      "http://2130706433/", "http://0x7f000001/", "http://0x7f.0.0.1/", "http://0x7f.1/", "http://0177.0.0.1/",
      "http://017700000001/", "http://127.1/", "http://127.0.1/", "http://127.0.0.1./", "http://127.0.0.1../",
      "http://127.0.0.01/", "http://00000127.0.0.1/", "http://127.0.0.0x1/", "http://2130706433./", "http://0/",
      "http://256.0.0.1/", "http://1.2.3.4.5/", "http://%31%32%37.0.0.1/", "http://127。0。0。1/", "http://①②⑦.0.0.1/",
      "http://[::1%25lo]/", "http://[fe80::1%eth0]/", "http://[::1]./", "http://[127.0.0.1]/", "http://[::1/",
      "http://[v1.::1]/", "http://user@127.0.0.1/", "http://example.com@127.0.0.1/", "http://example.com:80@127.0.0.1/",
      "http://example.com\\@127.0.0.1/", "http://127.0.0.1\\@example.com/", "http://127.0.0.1#@example.com/",
      "http://127.0.0.1?@example.com/", "http:///127.0.0.1/", "http:127.0.0.1/", "http://", "http:", "//127.0.0.1/",
      "127.0.0.1", "", " http://127.0.0.1/", "http://127.0.0.1:0/", "http://127.0.0.1:99999/", "http://a..test/",
      "http://ex ample.test/", "http://example.test\r\nx: y/", "http://127.0.0.1\u{0}.test/",
      "file:///etc/passwd", "unix:///run/x.sock", "http+unix://%2Frun%2Fx.sock/", "https+unix://%2Frun%2Fx/",
      "gopher://127.0.0.1/", "javascript:alert(1)", "data:,x",
    ])
  func spellings(url: String) async throws {
    let asked = Locked<[String]>([])
    var policy = FetchPolicy()
    policy.resolve = { host, _ in
      asked.withLock { $0.append(host) }
      return []
    }
    let result = try await fetch(url, policy)
    #expect(result["error"]?.string?.isEmpty == false)
    #expect(result["status"] == .null)
    #expect(asked.withLock { $0 } == [], "\(result)")
  }

  @Test("Odd spellings do not help where loopback is allowed: they are not read at all")
  func spellingsOfAllowed() async throws {
    let result = try await fetch("http://2130706433/", try loopback())
    #expect(result["error"]?.string?.contains("write the address 2130706433 as four plain numbers") == true)
  }

  @Test("The allow list lets through what it names, and nothing beside it")
  func allowList() async throws {
    let policy = try FetchPolicy(allow: ["10.1.0.0/16", "fd00::/8", "192.168.1.7"])
    let refused = { (text: String) in try #require(IPAddress(text)) }
    for text in ["10.1.0.0", "10.1.255.255", "fd12::1", "192.168.1.7", "8.8.8.8"] {
      #expect(policy.refusal(of: try refused(text)) == nil, "\(text)")
    }
    for text in ["10.0.255.255", "10.2.0.0", "fc00::1", "192.168.1.6", "192.168.1.8", "::ffff:10.1.0.1"] {
      #expect(policy.refusal(of: try refused(text)) != nil, "\(text)")
    }
    #expect(try FetchPolicy(allow: ["::/0"]).refusal(of: refused("::1")) == nil)
    #expect(try FetchPolicy(allow: ["::/0"]).refusal(of: refused("127.0.0.1")) == "a loopback address")
  }

  @Test(
    "A range that can not be read is named",
    arguments: [
      ("10.0.0.0/33", "the prefix \"33\" is not a number from 0 to 32"), ("10.0.0.0/", "the prefix \"\""),
      ("10.0.0.0/-1", "the prefix \"-1\""), ("10.0.0.0/+8", "the prefix \"+8\""), ("10/8", "\"10\" is not an address"),
      ("10.0.0.1/8", "there are bits set behind the first 8"), ("intranet", "\"intranet\" is not an address"),
      ("", "\"\" is not an address"), ("fe80::1%eth0/64", "is not an address"), ("::/129", "from 0 to 128"),
      ("10.0.0.0/8/9", "the prefix \"8/9\""),
    ])
  func badRange(text: String, reason: String) {
    let error = #expect(throws: StintError.self) { try FetchPolicy(allow: ["127.0.0.0/8", text]) }
    #expect(error?.type == .invalidParams)
    #expect(error?.message.contains(JSONValue.string(text).excerpt()) == true)
    #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")")
  }

  @Test("The system's own localhost is refused without a connection")
  func localhost() async throws {
    try await TestServer.with(answer: { _, channel in channel.answer() }) { server in
      let result = try await fetch("http://localhost:\(server.port)/", FetchPolicy())
      #expect(result["error"]?.string?.hasPrefix("refused: localhost resolves to ") == true, "\(result)")
      let policy = try FetchPolicy(allow: ["127.0.0.0/8", "::1"])
      let allowed = try await fetch("http://localhost:\(server.port)/", policy)
      #expect(allowed["status"] == 200, "\(allowed)")
      #expect(server.log.counts.opened == 1)
    }
  }

  @Test(
    "One forbidden address among several refuses the name", arguments: [["1.1.1.1", "10.0.0.1"], ["::1", "1.1.1.1"]])
  func mixed(addresses: [String]) async throws {
    let result = try await fetch("http://mixed.test/", try loopback([], ["mixed.test": addresses]))
    #expect(result["error"]?.string?.hasPrefix("refused: mixed.test resolves to ") == true)
  }

  @Test("The next address is tried where the first can not be reached")
  func secondAddress() async throws {
    try await TestServer.with(host: "127.0.0.2") { _, channel in
      channel.answer()
    } _: { server in
      let policy = try loopback(["127.0.0.0/8"], ["two.test": ["127.0.0.3", "127.0.0.2"]])
      let result = try await fetch("http://two.test:\(server.port)/", policy)
      #expect(result["status"] == 200)
    }
  }

  @Test("The connection goes to the address that was checked, whatever the name means elsewhere or later")
  func rebinding() async throws {
    try await TestServer.with(host: "127.0.0.1") { _, channel in
      channel.answer(body: "the wrong one")
    } _: { wrong in
      // An address of this test alone, where the port is certainly free.
      try await TestServer.with(host: "127.77.0.2", port: wrong.port) { _, channel in
        channel.answer(body: "right")
      } _: { right in
        // To the system localhost is 127.0.0.1; so it is to this resolver when it is asked again.
        let asked = Locked(0)
        var policy = try FetchPolicy(allow: ["127.77.0.2"])
        policy.resolve = { _, port in
          let count = asked.withLock { asked in
            asked += 1
            return asked
          }
          return [try SocketAddress(ipAddress: count == 1 ? "127.77.0.2" : "127.0.0.1", port: port)]
        }
        let result = try await fetch("http://LocalHost:\(right.port)/", policy)
        #expect(result["size"] == 5 && result["error"] == .null)
        #expect(right.log.counts.requests.first?.headers["host"] == ["localhost:\(right.port)"])
        #expect(wrong.log.counts.opened == 0)
        #expect(asked.withLock { $0 } == 1)

        let again = try await fetch("http://localhost:\(right.port)/", policy)
        #expect(again["error"] == "refused: localhost resolves to 127.0.0.1, a loopback address")
        #expect(wrong.log.counts.opened == 0)
      }
    }
  }

  @Test("TLS asks for the certificate of the name, at the address that was checked")
  func serverName() async throws {
    let hello = AsyncStream.makeStream(of: ByteBuffer.self)
    let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(FirstBytes(found: hello.continuation))
        }
      }
      .bind(host: "127.0.0.2", port: 0).get()
    let port = try #require(server.localAddress?.port)
    let policy = try loopback(["127.0.0.2"], ["secure.test": ["127.0.0.2"]])
    let result = try await fetch("https://secure.test:\(port)/", policy)
    #expect(result["error"]?.string?.isEmpty == false)
    try await server.close()
    hello.continuation.finish()
    var first: ByteBuffer?
    for await bytes in hello.stream where first == nil { first = bytes }
    let bytes = try #require(first).readableBytesView
    #expect(bytes.starts(with: [22]))
    #expect(String(decoding: bytes, as: Unicode.ASCII.self).contains("secure.test"))
  }

  /// Passes on what a client says first, and hangs up.
  private final class FirstBytes: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    let found: AsyncStream<ByteBuffer>.Continuation
    init(found: AsyncStream<ByteBuffer>.Continuation) { self.found = found }
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      found.yield(unwrapInboundIn(data))
      context.close(promise: nil)
    }
  }
}

@Suite("fetch follows redirects", .timeLimit(.minutes(5)))
struct FetchRedirectTests {
  /// `/4` redirects to `/3` and so on to `/0`, which is the page.
  private static let steps: TestServer.Answer = { head, channel in
    let number = Int(head.uri.dropFirst()) ?? 0
    if number == 0 { channel.answer(body: "page") } else { channel.redirect(to: "/\(number - 1)") }
  }

  @Test("Five redirects are followed, six are not")
  func count() async throws {
    try await TestServer.with(answer: Self.steps) { server in
      let results = try await fetch([server.url("/5"), server.url("/6")], try loopback())
      #expect(results[0]["status"] == 200 && results[0]["size"] == 4)
      #expect(results[0]["url"] == .string(server.url("/5")))
      #expect(results[1]["error"] == "more than 5 redirects" && results[1]["status"] == .null)
      #expect(server.log.counts.requests.count == 12)
      await server.log.reaches { $0.closed == $0.opened }
    }
  }

  @Test("A loop ends")
  func loop() async throws {
    try await TestServer.with { _, channel in
      channel.redirect(to: "/again")
    } _: { server in
      let result = try await fetch(server.url("/again"), try loopback())
      #expect(result["error"] == "more than 5 redirects")
      #expect(server.log.counts.requests.count == 6)
    }
  }

  @Test("Every kind of redirect is followed", arguments: [301, 302, 303, 307, 308])
  func kinds(status: Int) async throws {
    try await TestServer.with { head, channel in
      if head.uri == "/to" {
        channel.answer(body: "here")
      } else {
        channel.redirect(to: "to", HTTPResponseStatus(statusCode: status))
      }
    } _: { server in
      let result = try await fetch(server.url("/from"), try loopback())
      #expect(result["size"] == 4)
    }
  }

  @Test("A redirect without a place is an answer like any other")
  func withoutLocation() async throws {
    try await TestServer.with(answer: { _, channel in channel.answer(.found) }) { server in
      let result = try await fetch(server.url(), try loopback())
      #expect(result["status"] == 302)
    }
  }

  @Test(
    "A redirect to a forbidden place is refused, and nobody is asked there",
    arguments: [
      ("http://127.0.0.1:PORT/", "refused: 127.0.0.1 is a loopback address"),
      ("//127.0.0.1:PORT/", "refused: 127.0.0.1 is a loopback address"),
      ("http://inside.test:PORT/", "refused: inside.test resolves to 127.0.0.1, a loopback address"),
      ("http://2130706433:PORT/", "write the address"), ("http://user@outside.test:PORT/", "a user or password"),
      ("http://[::ffff:127.0.0.1]:PORT/", "an IPv4-mapped address"), ("file:///etc/passwd", "the scheme is \"file\""),
      ("http://169.254.169.254/latest/meta-data/", "a link-local address"),
    ])
  func forbidden(location: String, reason: String) async throws {
    try await TestServer.with(host: "127.0.0.1") { _, channel in
      channel.answer(body: "secret")
    } _: { inside in
      let target = location.replacing("PORT", with: "\(inside.port)")
      try await TestServer.with(host: "127.0.0.2") { _, channel in
        channel.redirect(to: target)
      } _: { outside in
        let policy = try loopback(["127.0.0.2"], ["outside.test": ["127.0.0.2"], "inside.test": ["127.0.0.1"]])
        let result = try await fetch("http://outside.test:\(outside.port)/", policy)
        #expect(result["error"]?.string?.contains(reason) == true, "\(result)")
        #expect(result["status"] == .null)
        #expect(outside.log.counts.requests.count == 1)
        #expect(inside.log.counts.opened == 0)
      }
    }
  }

  @Test("A name is resolved and checked again at each redirect")
  func checkedAgain() async throws {
    try await TestServer.with(host: "127.0.0.2") { _, channel in
      channel.redirect(to: "/again")
    } _: { server in
      let answers = Locked(["127.0.0.2", "127.0.0.2", "10.0.0.1"])
      var policy = try FetchPolicy(allow: ["127.0.0.2"])
      policy.resolve = { _, port in
        let address = answers.withLock { $0.isEmpty ? "10.0.0.1" : $0.removeFirst() }
        return [try SocketAddress(ipAddress: address, port: port)]
      }
      let result = try await fetch("http://turn.test:\(server.port)/", policy)
      #expect(result["error"] == "refused: turn.test resolves to 10.0.0.1, a private address")
      #expect(server.log.counts.requests.count == 2)
    }
  }
}
