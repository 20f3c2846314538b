import Foundation
import StintCore
import Testing

@testable import StintCommand

/// Parts of the commands that need no process of their own.
@Suite struct CommandLineTests {
  @Test func valuesMayBeNegativeNumbers() {
    func joined(_ line: String) -> String {
      Main.joined(line.split(separator: " ").map(String.init)).joined(separator: " ")
    }
    #expect(joined("submit prime --max-retries -1 --wait") == "submit prime --max-retries=-1 --wait")
    #expect(joined("start-workers --count -1") == "start-workers --count=-1")
    #expect(joined("submit x --delay=5 -3") == "submit x --delay=5 -3")
    #expect(joined("submit x -p n=-3 --follow -q") == "submit x -p n=-3 --follow -q")
    #expect(joined("submit x -- --count -1") == "submit x -- --count -1")
    #expect(joined("--count") == "--count" && joined("") == "")
  }

  @Test(arguments: ["0x3", "0x1p2", "inf", "nan", "infinity", ""]) func onlyDecimalNumbersAreNumbers(text: String) {
    #expect(NumberText.parse(text) == nil)
    #expect(Duration(text: text) == nil)
  }
}
