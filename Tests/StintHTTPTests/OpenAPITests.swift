import StintCore
import Testing

@testable import StintHTTP

@Suite struct OpenAPITests {
  @Test func listsExactlyTheRoutesOfTheTable() async throws {
    try await withServer { server in
      let document = try await server.call("GET", "/openapi.json").json
      var listed: Set<String> = []
      for path in document["paths"]?.object ?? [] {
        for operation in path.value.object ?? [] { listed.insert("\(operation.key.uppercased()) \(path.key)") }
      }
      #expect(listed == Set(Route.all.filter(\.isDocumented).map { "\($0.method.rawValue) \($0.path)" }))
      #expect(Set(Route.all.map(\.name)).count == Route.all.count)
      // And each of them is there: none answers as an unknown path or method does.
      for route in Route.all where route.isDocumented {
        let path = route.path.replacing("{id}", with: "some-unknown-id")
        let reply = try await server.call(route.method.rawValue, path, route.body == nil ? nil : "{}")
        #expect(reply.status != 405, "\(route.method) \(path)")
        #expect(!reply.text.contains("Nothing is at"), "\(route.method) \(path)")
      }
    }
  }

  @Test func namesEverySchemaItUses() async throws {
    try await withServer { server in
      let document = try await server.call("GET", "/openapi.json")
      let json = try document.json
      let defined = Set((json["components"]?["schemas"]?.object ?? []).map(\.key))
      let used = Set(
        document.text.split(separator: "#/components/schemas/").dropFirst().map { String($0.prefix { $0 != "\"" }) })
      #expect(used == defined)
      #expect(json["openapi"]?.string == "3.1.0")
    }
  }

  @Test func knowsTheJobTypes() async throws {
    try await withServer { server in
      let submission = try await server.call("GET", "/openapi.json").json["components"]?["schemas"]?["Submission"]
      let count = submission?["anyOf"]?.array?.first { $0["properties"]?["type"]?["enum"] == ["count"] }
      #expect(count?["required"] == ["type", "params"])
      #expect(
        count?["properties"]?["params"]?["properties"]?["n"] == ["type": "integer", "minimum": 1, "maximum": 10])
      // The schema knows every option a submission may have, and no other.
      let options = Set((count?["properties"]?.object ?? []).map(\.key))
      #expect(options == Set(NewJob.keys))
    }
  }

  @Test func saysWhetherATokenIsNeeded() async throws {
    try await withServer { server in
      let json = try await server.call("GET", "/openapi.json").json
      #expect(json["components"]?["securitySchemes"]?["token"] == nil)
      #expect(json["paths"]?["/api/jobs"]?["get"]?["security"] == nil)
      // Workers always need one.
      for route in Route.worker {
        let operation = json["paths"]?[route.path]?["post"]
        #expect(operation?["security"]?.array?.first == ["workerToken": []], "\(route.path)")
        #expect(operation?["responses"]?["401"] != nil && operation?["responses"]?["403"] != nil, "\(route.path)")
      }
    }
    try await withServer(configuration: SecurityTests.guarded) { server in
      let headers = ["authorization": "Bearer read-token"]
      let json = try await server.call("GET", "/openapi.json", headers: headers).json
      #expect(json["components"]?["securitySchemes"]?["token"]?["scheme"]?.string == "bearer")
      #expect(json["paths"]?["/api/jobs"]?["get"]?["responses"]?["401"] != nil)
      #expect(json["paths"]?["/health/live"]?["get"]?["security"] == [])
    }
  }

  @Test(arguments: [
    (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"), (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
    (1_709_164_799, "Wed, 28 Feb 2024 23:59:59 GMT"), (1_709_164_800, "Thu, 29 Feb 2024 00:00:00 GMT"),
    (1_764_230_400, "Thu, 27 Nov 2025 08:00:00 GMT"), (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
  ]) func spellsTheDate(_ second: Int64, _ text: String) {
    #expect(DateField().text(at: Timestamp(microseconds: second * 1_000_000)) == text)
  }
}
