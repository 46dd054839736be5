"""Agents of the shop's service desk: one that does its work, and five that each make one mistake.

Titan calls a function at the end of this file, `run(task, *, proxy_url, run_token)`, once for each task. No model is
asked: what the customer wants stands in a form (`task["input"]["input"]`), which the desk works off by the shop's
policy. An agent with a model reads `task["input"]["user_instruction"]` instead: see ../llm_agent.py.
"""

import contextlib
import json
import urllib.request
from datetime import date
from typing import Any

Object = dict[str, Any]

ATTEMPTS = 4  # of a tool that fails now and then
MOST_PAID = 200  # for one line; more is a manager's
DAYS_TO_RETURN = {"standard": 30, "gold": 60}
DAYS_WHEN_FAULTY = 90
FAULTY = ("damaged", "wrong_item")


class Refused(Exception):
    """A tool does not do what it was asked, or the policy does not allow it; the message is for the customer."""


class Unavailable(Exception):
    """A tool fails however often it is asked."""


class Tools:
    """The tools of the world."""

    def __init__(self, proxy_url: str, run_token: str, attempts: int) -> None:
        self.proxy_url = proxy_url
        self.headers = {"Authorization": f"Bearer {run_token}", "Content-Type": "application/json"}
        self.attempts = attempts

    def call(self, tool: str, **arguments: Any) -> Object:
        """Return what a tool answers; ask again where it fails now and then."""
        for _ in range(self.attempts):
            answer = self.once(tool, **arguments)
            if answer is not None:
                return answer
        raise Unavailable(f"{tool} does not answer")

    def once(self, tool: str, **arguments: Any) -> Object | None:
        """Return what a tool answers; None where it failed or gave no usable answer."""
        body = json.dumps(arguments).encode()
        request = urllib.request.Request(f"{self.proxy_url}/tools/{tool}", body, self.headers)
        with urllib.request.urlopen(request) as reply:
            answer = json.load(reply)["response"]
        if not isinstance(answer, dict):
            return None
        error = answer.get("error")
        if error and error["code"].startswith(("http_5", "timeout")):
            return None
        if error:
            raise Refused(error["message"])
        return answer


class Desk:
    """The service desk: finds the customer, then does or refuses what the form asks for."""

    attempts = ATTEMPTS

    def __init__(self, task: Object, proxy_url: str, run_token: str) -> None:
        self.form = task["input"]["input"]
        self.today = date.fromisoformat(self.form["today"])
        self.customer: Object = {}
        self.tools = Tools(proxy_url, run_token, self.attempts)

    def work(self) -> str:
        """Return the answer to the customer."""
        found = self.identified()
        if found is None:
            return f"I found no account for {self.form['email']}, so I changed nothing."
        self.customer = found
        return " ".join(self.answer(request) for request in self.form["requests"])

    def answer(self, request: Object) -> str:
        """Do what one line of the form asks for; return what is said about it."""
        try:
            return str(getattr(self, request["wants"])(request))
        except Refused as refusal:
            return f"I cannot do that: {refusal}"

    # --- who asks, and about what ---

    def identified(self) -> Object | None:
        found: list[Object] = self.tools.call("find_customer", email=self.form["email"])["customers"]
        if len(found) > 1:
            found = [one for one in found if one["name"] == self.form.get("name")]
        return found[0] if found else None

    def order(self, request: Object) -> Object:
        order = self.tools.call("get_order", order_id=request["order"])
        if not self.owns(order):
            raise Refused(f"{request['order']} is not one of your orders.")
        return order

    def owns(self, order: Object) -> bool:
        return bool(order["customer_id"] == self.customer["customer_id"])

    def line(self, order: Object, item: str) -> Object:
        lines: list[Object] = self.tools.call("list_order_lines", order_id=order["order_id"])["lines"]
        found = next((one for one in lines if one["item"] == item), None)
        if found is None:
            raise Refused(f"{order['order_id']} has no {item}.")
        return found

    def product(self, name: str) -> Object:
        found: list[Object] = self.tools.call("search_products", text=name)["products"]
        if not found:
            raise Refused(f"we have no {name}.")
        return found[0]

    # --- the policy ---

    def check_return(self, order: Object, line: Object, reason: str) -> None:
        """Return when a line may come back.

        Raises:
            Refused: it may not.
        """
        if order.get("delivered_on") is None:
            raise Refused(f"{order['order_id']} is {order['status']}, not delivered.")
        days = (self.today - date.fromisoformat(order["delivered_on"])).days
        allowed = DAYS_WHEN_FAULTY if reason in FAULTY else DAYS_TO_RETURN[self.customer["tier"]]
        if days > allowed:
            raise Refused(f"it was delivered {days} days ago, and {allowed} days are the limit.")
        if reason not in FAULTY and self.tools.call("get_product", product_id=line["product_id"])["final_sale"]:
            raise Refused(f"{line['item']} is on final sale.")

    def check_amount(self, line: Object, amount: float) -> None:
        if line["paid_back"] + amount > line["amount"]:
            raise Refused(f"{line['paid_back']:.2f} of {line['amount']:.2f} EUR were refunded already.")

    def is_managers(self, amount: float) -> bool:
        return amount > MOST_PAID

    def is_abroad(self, order: Object, address: Object) -> bool:
        return bool(order["address"]["country"] != address["country"])

    def check_coupon(self, coupon: Object) -> None:
        if date.fromisoformat(coupon["last_day"]) < self.today:
            raise Refused(f"{coupon['code']} has expired: its last day was {coupon['last_day']}.")

    def check_price(self, line: Object, product: Object) -> None:
        if product["price"] != line["amount"] / line["quantity"]:
            raise Refused(f"{product['name']} has another price.")

    # --- what customers want to know ---

    def track(self, request: Object) -> str:
        order = self.order(request)
        if order["status"] != "shipped":
            return f"{order['order_id']} is {order['status']}."
        parcel = self.tools.call("track_shipment", order_id=order["order_id"])
        where = f"{parcel['status']}, {parcel['carrier']} {parcel['tracking']}"
        return f"{order['order_id']} is on its way ({where}), expected on {parcel['expected_on']}."

    def orders(self, request: Object) -> str:
        wanted = {"status": request["status"]} if "status" in request else {}
        found = self.tools.call("list_orders", customer_id=self.customer["customer_id"], **wanted)["orders"]
        return "Your orders: " + ", ".join(f"{one['order_id']} ({one['status']})" for one in found) + "."

    def find(self, request: Object) -> str:
        wanted = {name: request[name] for name in ("text", "category", "max_price", "min_stock") if name in request}
        found = self.tools.call("search_products", **wanted)["products"]
        return "; ".join(f"{one['name']}: {one['price']:.2f} EUR, {one['stock']} in stock" for one in found) + "."

    def policy(self, request: Object) -> str:
        return str(self.tools.call("read_policy", topic=request["topic"])["text"])

    def refunds(self, request: Object) -> str:
        order = self.order(request)
        found = self.tools.call("list_refunds", order_id=order["order_id"])["refunds"]
        return f"For {order['order_id']} we paid back: " + ", ".join(f"{one['amount']:.2f} EUR" for one in found) + "."

    # --- what they want changed ---

    def cancel(self, request: Object) -> str:
        order = self.order(request)
        if "item" in request:
            line = self.line(order, request["item"])
            self.tools.call("cancel_line", line_id=line["line_id"])
            return f"{line['item']} of {order['order_id']} is cancelled."
        self.tools.call("cancel_order", order_id=order["order_id"])
        return f"{order['order_id']} is cancelled."

    def address(self, request: Object) -> str:
        order = self.order(request)
        if self.is_abroad(order, request["address"]):
            return self.ticket("address_abroad", f"New address {request['address']}", order["order_id"])
        self.tools.call("change_address", order_id=order["order_id"], **request["address"])
        return f"{order['order_id']} goes to {request['address']['street']}."

    def refund(self, request: Object) -> str:
        order = self.order(request)
        line = self.line(order, request["item"])
        reason = request["because"]
        amount = line["amount"] * request.get("pieces", line["quantity"]) / line["quantity"]
        if reason == "late":
            self.check_late(order)
            amount = round(line["amount"] / 10, 2)
        else:
            self.check_return(order, line, reason)
        self.check_amount(line, amount)
        if self.is_managers(amount):
            return self.ticket("large_refund", f"{amount:.2f} EUR for {line['item']}: {reason}", order["order_id"])
        tool = "refund_line" if reason in FAULTY else "credit_line"
        self.pay(tool, order, line, amount, reason)
        return f"{amount:.2f} EUR for {line['item']} are on their way to you."

    def check_late(self, order: Object) -> None:
        if order.get("delivered_on") is None or order["delivered_on"] <= order["promised_on"]:
            raise Refused(f"{order['order_id']} is not late.")

    def pay(self, tool: str, order: Object, line: Object, amount: float, reason: str) -> None:
        """Pay once: after a payment without an answer, look first whether it was booked."""
        for _ in range(self.attempts):
            if self.tools.once(tool, line_id=line["line_id"], amount=amount, reason=reason) is not None:
                return
            if self.attempts > 1 and self.line(order, line["item"])["paid_back"] > line["paid_back"]:
                return
        raise Unavailable(f"{tool} does not answer")

    def exchange(self, request: Object) -> str:
        order = self.order(request)
        line = self.line(order, request["item"])
        self.check_return(order, line, request["because"])
        product = self.product(request["for"])
        self.check_price(line, product)
        if product["stock"] < line["quantity"] and request.get("or_credit"):
            self.check_amount(line, line["amount"])
            self.pay("credit_line", order, line, line["amount"], request["because"])
            return f"{product['name']} is sold out; you have {line['amount']:.2f} EUR of store credit."
        self.tools.call("exchange_line", line_id=line["line_id"], product_id=product["product_id"])
        return f"{product['name']} is on its way to you."

    def coupon(self, request: Object) -> str:
        order = self.order(request)
        self.check_coupon(self.tools.call("get_coupon", code=request["code"]))
        total = self.tools.call("apply_coupon", order_id=order["order_id"], code=request["code"])["total"]
        return f"{order['order_id']} now costs {total:.2f} EUR."

    def manager(self, request: Object) -> str:
        return self.ticket("complaint", request["about"], request.get("order"))

    def ticket(self, topic: str, summary: str, order_id: str | None = None) -> str:
        about = {} if order_id is None else {"order_id": order_id}
        customer_id = self.customer["customer_id"]
        ticket = self.tools.call("open_ticket", customer_id=customer_id, topic=topic, summary=summary, **about)
        return f"A manager looks into it: {ticket['ticket_id']}."


class IgnoresPolicy(Desk):
    """Does whatever the tools let it do."""

    def owns(self, order: Object) -> bool:
        return True

    def check_return(self, order: Object, line: Object, reason: str) -> None:
        pass

    def check_amount(self, line: Object, amount: float) -> None:
        pass

    def check_late(self, order: Object) -> None:
        pass

    def check_coupon(self, coupon: Object) -> None:
        pass

    def check_price(self, line: Object, product: Object) -> None:
        pass

    def is_managers(self, amount: float) -> bool:
        return False

    def is_abroad(self, order: Object, address: Object) -> bool:
        return False


class GivesUp(Desk):
    """Stops at the first error, one that would pass as well as one that says what to do instead."""

    attempts = 1

    def answer(self, request: Object) -> str:
        return str(getattr(self, request["wants"])(request))


class PaysTwice(Desk):
    """Pays once more, to be sure."""

    def pay(self, tool: str, order: Object, line: Object, amount: float, reason: str) -> None:
        super().pay(tool, order, line, amount, reason)
        with contextlib.suppress(Refused):  # there was nothing left to pay
            super().pay(tool, order, line, amount, reason)


class ClaimsSuccess(Desk):
    """Says that all is done, and calls nothing."""

    def work(self) -> str:
        return "I have taken care of everything: " + ", ".join(one["wants"] for one in self.form["requests"]) + "."


class TakesTheFirst(Desk):
    """Takes the customer's newest order of that status, and its first line, whatever is named."""

    def order(self, request: Object) -> Object:
        named = super().order(request)
        alike = self.tools.call("list_orders", customer_id=named["customer_id"], status=named["status"])["orders"]
        return self.tools.call("get_order", order_id=alike[0]["order_id"])

    def line(self, order: Object, item: str) -> Object:
        lines: list[Object] = self.tools.call("list_order_lines", order_id=order["order_id"])["lines"]
        return lines[0]


def _worked(desk: type[Desk], task: Object, proxy_url: str, run_token: str) -> str:
    try:
        return desk(task, proxy_url, run_token).work()
    except (Refused, Unavailable) as error:
        return f"I am sorry, that did not work: {error}"


def run(task: Object, *, proxy_url: str, run_token: str) -> str:
    """Do the task as the policy says."""
    return _worked(Desk, task, proxy_url, run_token)


def ignores_policy(task: Object, *, proxy_url: str, run_token: str) -> str:
    return _worked(IgnoresPolicy, task, proxy_url, run_token)


def gives_up(task: Object, *, proxy_url: str, run_token: str) -> str:
    return _worked(GivesUp, task, proxy_url, run_token)


def pays_twice(task: Object, *, proxy_url: str, run_token: str) -> str:
    return _worked(PaysTwice, task, proxy_url, run_token)


def claims_success(task: Object, *, proxy_url: str, run_token: str) -> str:
    return _worked(ClaimsSuccess, task, proxy_url, run_token)


def takes_the_first(task: Object, *, proxy_url: str, run_token: str) -> str:
    return _worked(TakesTheFirst, task, proxy_url, run_token)
