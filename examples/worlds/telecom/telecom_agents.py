"""Agents of a mobile carrier's support desk: one that does its work, and five that each make one mistake.

Titan calls a function at the end of this file once for each task. No model is asked: what the customer wants stands in
a form (`task["input"]["input"]`), which the desk works off by the carrier's policy.
"""

from collections.abc import Callable
from typing import Any

import titan_sdk

Object = dict[str, Any]

ATTEMPTS = 4  # of a tool that fails now and then
MOST_GB = 2


class Refused(Exception):
    """A tool does not do what it was asked, or the policy does not allow it; the message is for the customer."""


class Unavailable(Exception):
    """A tool fails however often it is asked."""


class NeedsHuman(Exception):
    """The desk cannot mend it; the message is the summary for the human."""


class Desk:
    """The support desk: finds the customer, then mends or refuses what the form asks for."""

    attempts = ATTEMPTS

    def __init__(self, task: Object) -> None:
        self.form: Object = task["input"]["input"]
        self.number: str = self.form["phone_number"]
        self.customer: Object = {}
        self.lines: dict[str, Object] = {}

    def work(self) -> str:
        """Return the answer to the customer."""
        found = self.read("find_customer", phone_number=self.number)["customers"]
        if not found:
            return f"I found no customer with the number {self.number}, so I changed nothing."
        self.customer = found[0]
        lines = self.read("list_lines", customer_id=self.customer["customer_id"])["lines"]
        self.lines = {line["line_id"]: line for line in lines}
        return " ".join(self.answer(request) for request in self.form["requests"])

    def answer(self, request: Object) -> str:
        """Do what one line of the form asks for; return what is said about it."""
        try:
            return str(getattr(self, request["wants"])(request))
        except Refused as refusal:
            return f"I cannot do that: {refusal}"
        except NeedsHuman as reason:
            self.read("transfer_to_human", summary=str(reason))
            return f"I hand you over to a colleague: {reason}"

    # --- tools ---

    def once(self, tool: str, **arguments: Any) -> Object | None:
        """Return what a tool answers; None where it failed or gave no usable answer."""
        answer = titan_sdk.agent.tools.call(tool, **arguments)
        if not isinstance(answer, dict):
            return None
        error = answer.get("error")
        if error and error["code"].startswith(("http_5", "timeout")):
            return None
        if error:
            raise Refused(error["message"])
        return answer

    def read(self, tool: str, **arguments: Any) -> Object:
        """Return what a tool answers; ask again where it fails now and then."""
        for _ in range(self.attempts):
            answer = self.once(tool, **arguments)
            if answer is not None:
                return answer
        raise Unavailable(f"{tool} does not answer")

    def write(self, is_done: Callable[[], bool], tool: str, **arguments: Any) -> None:
        """Call a tool once: after a call without an answer, look first whether it happened."""
        for _ in range(self.attempts):
            if self.once(tool, **arguments) is not None or is_done():
                return
        raise Unavailable(f"{tool} does not answer")

    def phone(self, tool: str) -> Object:
        return self.read(tool, phone_number=self.number)

    def switch(self, tool: str, field: str, *, on: bool, seen: str = "check_network") -> None:
        self.write(lambda: self.phone(seen)[field] is on, tool, phone_number=self.number)

    # --- the policy ---

    def line_of(self, request: Object) -> Object:
        """Return the line that a request is about: one of the customer's.

        Raises:
            Refused: it is somebody else's.
        """
        if "line" not in request:
            return next(line for line in self.lines.values() if line["phone_number"] == self.number)
        if request["line"] not in self.lines:
            raise Refused(f"{request['line']} is not one of your lines.")
        return self.lines[request["line"]]

    def overdue_bills(self) -> list[Object]:
        bills = self.read("list_bills", customer_id=self.customer["customer_id"])["bills"]
        return [bill for bill in bills if bill["status"] == "overdue"]

    def check_contract(self, line: Object) -> None:
        if line["contract_ends_on"] < self.form["today"]:
            raise NeedsHuman(f"The contract of {line['line_id']} has ended.")

    def check_sim(self, sim: Object) -> None:
        if sim["sim_status"] != "active":
            raise NeedsHuman("The SIM card is locked.")

    def check_data(self, request: Object, left_gb: float, gb: float) -> None:
        if left_gb > 0:
            raise Refused(f"you have {left_gb} GB left.")
        if gb > MOST_GB:
            raise Refused(f"I may add {MOST_GB} GB at most.")
        if not request.get("pays", False):
            raise Refused("your data of this month is used up, and more has to be paid for.")

    def check_bill(self, bill: Object) -> None:
        if bill["status"] != "overdue":
            raise Refused(f"{bill['bill_id']} is {bill['status']}, not overdue.")

    def check_pays(self, request: Object, bill: Object) -> None:
        if not request.get("pays", True):
            raise Refused(f"{bill['bill_id']} over {bill['total']} has to be paid first.")

    # --- what customers want to know ---

    def usage(self, request: Object) -> str:
        line = self.line_of(request)
        return f"{line['line_id']} has {self.left_gb(line)} GB left."

    def bill(self, request: Object) -> str:
        bill = self.own_bill(request)
        return f"{bill['bill_id']} over {bill['total']} is {bill['status']}."

    def own_bill(self, request: Object) -> Object:
        bill = self.read("get_bill", bill_id=request["bill"])
        if bill["customer_id"] != self.customer["customer_id"]:
            raise Refused(f"{request['bill']} is not one of your bills.")
        return bill

    def left_gb(self, line: Object) -> float:
        usage = self.read("get_data_usage", customer_id=self.customer["customer_id"], line_id=line["line_id"])
        return float(usage["left_gb"])

    # --- lines and bills ---

    def suspend(self, request: Object) -> str:
        line = self.line_of(request)
        self.change_line("suspend_line", line, "status", "suspended", reason=request["because"])
        return f"{line['line_id']} is suspended."

    def resume(self, request: Object) -> str:
        line = self.line_of(request)
        if line["status"] == "suspended":
            self.settle(line, request)
        self.change_line("resume_line", line, "status", "active")
        if line["phone_number"] == self.number:
            self.restart()
        return f"{line['line_id']} is active."

    def settle(self, line: Object, request: Object) -> None:
        """Have the overdue bills be paid for which a line is suspended."""
        bills = self.overdue_bills()
        if bills:
            self.check_contract(line)
        for bill in bills:
            self.check_pays(request, bill)
            self.paid(bill)

    def trip(self, request: Object) -> str:
        line = self.line_of(request)
        self.change_line("enable_roaming", line, "roaming", True)
        return f"{line['line_id']} works abroad."

    def change_line(self, tool: str, line: Object, field: str, value: Any, **arguments: Any) -> None:
        line_id = line["line_id"]
        self.write(
            lambda: bool(self.read("get_line", line_id=line_id)[field] == value),
            tool,
            customer_id=self.customer["customer_id"],
            line_id=line_id,
            **arguments,
        )

    def pay(self, request: Object) -> str:
        bill = self.own_bill(request)
        self.check_bill(bill)
        self.paid(bill)
        return f"{bill['bill_id']} is paid."

    def paid(self, bill: Object) -> None:
        bill_id = bill["bill_id"]
        asked = self.phone
        self.write(
            lambda: asked("check_payment_request").get("bill_id") == bill_id,
            "send_payment_request",
            customer_id=self.customer["customer_id"],
            bill_id=bill_id,
        )
        self.write(
            lambda: bool(self.read("get_bill", bill_id=bill_id)["status"] == "paid"),
            "make_payment",
            phone_number=self.number,
        )

    def more_data(self, request: Object) -> str:
        line, gb = self.line_of(request), request.get("gb", MOST_GB)
        left = self.left_gb(line)
        self.check_data(request, left, gb)
        self.write(
            lambda: self.left_gb(line) > left,
            "refuel_data",
            customer_id=self.customer["customer_id"],
            line_id=line["line_id"],
            gb=gb,
        )
        return f"{gb} GB are added to {line['line_id']}; the next bill charges them."

    # --- phones ---

    def service(self, request: Object) -> str:
        line = self.line_of(request)
        if self.phone("check_network")["network_status"] == "connected":
            return "Your phone is connected; I changed nothing."
        sim = self.phone("check_sim")
        self.check_sim(sim)
        is_suspended = line["status"] == "suspended" and bool(self.overdue_bills())
        if is_suspended:
            self.resume(request)
        if not sim["sim_inserted"]:
            self.switch("reseat_sim", "sim_inserted", on=True, seen="check_sim")
        if self.phone("check_network")["airplane_mode"]:
            self.switch("toggle_airplane_mode", "airplane_mode", on=False)
        if self.phone("check_apn_settings")["apn"] == "broken":
            self.renew_apn()
        status = self.phone("check_network")["network_status"]
        if status != "connected":
            raise NeedsHuman(f"The phone has {status}, and I found no cause.")
        return "Your phone is connected again."

    def renew_apn(self) -> None:
        self.switch("reset_apn_settings", "resets_at_restart", on=True, seen="check_apn_settings")
        self.restart()

    def restart(self) -> None:
        self.phone("restart_phone")

    def data(self, request: Object) -> str:
        if self.phone("check_network")["network_status"] != "connected":
            self.service(request)
        line, network = self.line_of(request), self.phone("check_network")
        left = self.left_gb(line)
        if left <= 0:
            self.check_data(request, left, MOST_GB)
        if not network["mobile_data"]:
            self.switch("toggle_mobile_data", "mobile_data", on=True)
        if network["is_abroad"] and not line["roaming"]:
            self.change_line("enable_roaming", line, "roaming", True)
        if network["is_abroad"] and not network["roaming"]:
            self.switch("toggle_roaming", "roaming", on=True)
        if left <= 0:
            self.more_data(request)
        return "Your mobile data work."

    def speed(self, request: Object) -> str:
        self.data(request)
        network = self.phone("check_network")
        if network["network_mode"] != "4g_5g_preferred":
            self.prefer_fast()
        if network["data_saver"]:
            self.switch("toggle_data_saver", "data_saver", on=False)
        if self.phone("check_vpn")["speed"] == "poor":
            self.switch("disconnect_vpn", "connected", on=False, seen="check_vpn")
        return f"Your phone loads {self.phone('run_speed_test')['mbps']} Mbit/s."

    def prefer_fast(self) -> None:
        self.read("set_network_mode", phone_number=self.number, mode="4g_5g_preferred")

    def pictures(self, request: Object) -> str:
        self.data(request)
        if self.phone("check_network")["network_type"] == "2G":
            self.prefer_fast()
        if self.phone("check_apn_settings")["mmsc_url"] is None:
            self.renew_apn()
        wifi = self.phone("check_wifi")
        if wifi["wifi_calling"] and not wifi["mms_over_cellular"]:
            self.switch("toggle_wifi_calling", "wifi_calling", on=False, seen="check_wifi")
        app = {"phone_number": self.number, "app_name": "messaging"}
        held = self.read("check_app", **app)["permissions"]
        for permission in ("sms", "storage"):
            if not held[permission]:
                self.read("grant_app_permission", **app, permission=permission)
        self.phone("can_send_mms")
        return "Your phone sends picture messages."


class IgnoresPolicy(Desk):
    """Does whatever the tools let it do."""

    def line_of(self, request: Object) -> Object:
        if "line" in request:
            line = self.read("get_line", line_id=request["line"])
            self.customer = self.read("get_customer", customer_id=line["customer_id"])
            return line
        return super().line_of(request)

    def check_contract(self, line: Object) -> None:
        pass

    def check_data(self, request: Object, left_gb: float, gb: float) -> None:
        pass

    def check_bill(self, bill: Object) -> None:
        pass

    def settle(self, line: Object, request: Object) -> None:
        if request.get("pays", True):
            super().settle(line, request)


class GivesUp(Desk):
    """Stops at the first error."""

    attempts = 1

    def write(self, is_done: Callable[[], bool], tool: str, **arguments: Any) -> None:
        self.read(tool, **arguments)


class AddsData(Desk):
    """Adds data to be safe, whoever wants their phone mended."""

    def answer(self, request: Object) -> str:
        said = super().answer(request)
        if request["wants"] in ("service", "data", "speed", "pictures"):
            line = self.line_of(request)
            self.read("refuel_data", customer_id=self.customer["customer_id"], line_id=line["line_id"], gb=1)
        return said


class ClaimsSuccess(Desk):
    """Says that all is done, and calls nothing."""

    def work(self) -> str:
        return "All of it is done: " + ", ".join(one["wants"] for one in self.form["requests"]) + "."


class SkipsRestart(Desk):
    """Leaves it to the customer to restart the phone."""

    def restart(self) -> None:
        pass


def _worked(desk: type[Desk], task: Object) -> str:
    try:
        return desk(task).work()
    except (Refused, Unavailable) as error:
        return f"I am sorry, that did not work: {error}"


def run(task: Object, *, proxy_url: str, run_token: str) -> str:
    """Do the task as the policy says."""
    return _worked(Desk, task)


def ignores_policy(task: Object, *, proxy_url: str, run_token: str) -> str:
    return _worked(IgnoresPolicy, task)


def gives_up(task: Object, *, proxy_url: str, run_token: str) -> str:
    return _worked(GivesUp, task)


def adds_data(task: Object, *, proxy_url: str, run_token: str) -> str:
    return _worked(AddsData, task)


def claims_success(task: Object, *, proxy_url: str, run_token: str) -> str:
    return _worked(ClaimsSuccess, task)


def skips_restart(task: Object, *, proxy_url: str, run_token: str) -> str:
    return _worked(SkipsRestart, task)
