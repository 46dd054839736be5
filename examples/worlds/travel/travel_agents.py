"""Agents of an airline's travel desk: one that does its work, and five that each make one mistake.

Titan calls a function at the end of this file once for each task. No model is asked: what the passenger wants stands in
a form (`task["input"]["input"]`), which the desk works off by the airline's policy.
"""

import json
import urllib.request
from datetime import date
from typing import Any

Object = dict[str, Any]

ATTEMPTS = 4  # of a tool that fails now and then
MOST_PASSENGERS = 9
MOST_REFUNDED = 1_500
LATE_MINUTES = 180
VOUCHER = {"blue": 50, "silver": 50, "gold": 100}
BAGS = {"blue": 1, "silver": 2, "gold": 3}
BAG_FEE = 40
MILES_TO_UPGRADE = 15_000
MILES_FLOWN = {"blue": 500, "silver": 750, "gold": 1_000}
DAYS_TO_CLAIM = 180


class Refused(Exception):
    """A tool does not do what it was asked, or the policy does not allow it; the message is for the passenger."""


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
    """The travel desk: finds the member, then does or refuses what the form asks for."""

    attempts = ATTEMPTS

    def __init__(self, task: Object, proxy_url: str, run_token: str) -> None:
        self.form: Object = task["input"]["input"]
        self.today = date.fromisoformat(self.form["today"])
        self.tools = Tools(proxy_url, run_token, self.attempts)
        self.member: Object = {}

    def work(self) -> str:
        """Return the answer to the passenger."""
        found = self.tools.call("find_member", email=self.form["email"])["members"]
        if not found:
            return f"I found no member with {self.form['email']}, so I changed nothing."
        self.member = found[0]
        return " ".join(self.answer(request) for request in self.form["requests"])

    def answer(self, request: Object) -> str:
        """Do what one line of the form asks for; return what is said about it."""
        try:
            return str(getattr(self, request["wants"])(request))
        except Refused as refusal:
            return f"I cannot do that: {refusal}"

    def booking(self, request: Object) -> Object:
        booking = self.tools.call("get_booking", booking_id=request["booking"])
        if not self.owns(booking):
            raise Refused(f"{request['booking']} is not one of your bookings.")
        return booking

    def flight(self, flight_id: str) -> Object:
        return self.tools.call("get_flight", flight_id=flight_id)

    def fare(self, fare_id: str) -> Object:
        fares = self.fares(flight_id=fare_id.rpartition("-")[0])
        return next(one for one in fares if one["fare_id"] == fare_id)

    def fares(self, **wanted: Any) -> list[Object]:
        found: list[Object] = self.tools.call("search_fares", **wanted)["fares"]
        return found

    def price(self, fare: Object, passengers: int) -> float:
        return float(fare["price"] * passengers)

    # --- the policy ---

    def owns(self, booking: Object) -> bool:
        return bool(booking["member_id"] == self.member["member_id"])

    def check_group(self, passengers: int) -> bool:
        """Return whether a booking is a supervisor's."""
        return passengers > MOST_PASSENGERS

    def is_large(self, amount: float) -> bool:
        return amount > MOST_REFUNDED

    def check_cancel(self, booking: Object) -> None:
        """Return when a booking may be cancelled and refunded.

        Raises:
            Refused: it may not.
        """
        flight = self.flight(booking["flight_id"])
        is_new = (self.today - date.fromisoformat(booking["booked_on"])).days <= 1
        is_before = self.today < date.fromisoformat(flight["day"])
        is_flex = self.fare(booking["fare_id"])["kind"] == "flex"
        if not (flight["status"] == "cancelled" or is_new or (is_flex and is_before)):
            raise Refused("a basic fare cannot be cancelled or changed.")

    def check_late(self, booking: Object, flight: Object) -> None:
        if flight["minutes_late"] < LATE_MINUTES:
            raise Refused(f"it arrived {flight['minutes_late']} minutes late; we pay from {LATE_MINUTES} on.")
        if self.tools.call("list_vouchers", booking_id=booking["booking_id"])["vouchers"]:
            raise Refused("you have a voucher for it already.")

    def check_upgrade(self) -> None:
        if self.member["tier"] == "blue":
            raise Refused("upgrades are for silver and gold members.")

    def check_claim(self, booking: Object, flight: Object) -> None:
        days = (self.today - date.fromisoformat(flight["day"])).days
        if days > DAYS_TO_CLAIM:
            raise Refused(f"the flight was {days} days ago, and {DAYS_TO_CLAIM} are the limit.")
        if booking["miles_credited"]:
            raise Refused("its miles were credited.")

    # --- what passengers want to know ---

    def lateness(self, request: Object) -> str:
        flight = self.flight(self.booking(request)["flight_id"])
        return f"{flight['flight_id']} {flight['status']}, {flight['minutes_late']} minutes late."

    def cheapest(self, request: Object) -> str:
        wanted = {name: request[name] for name in ("origin", "destination", "day") if name in request}
        fare = self.fares(**wanted, min_seats=1)[0]
        return f"The cheapest is {fare['fare_id']} on {fare['day']} for {fare['price']} euros."

    def miles(self, request: Object) -> str:
        return f"You have {self.member['miles']} miles and {self.member['vouchers']} euros in vouchers."

    # --- what they want done ---

    def book(self, request: Object) -> str:
        passengers = request["passengers"]
        if self.check_group(passengers):
            return self.case("group", f"{passengers} passengers: {request}")
        wanted = {name: request[name] for name in ("origin", "destination", "day", "cabin", "kind") if name in request}
        fares = self.fares(**wanted, min_seats=passengers)
        if not fares:
            raise Refused("there are not enough seats.")
        price = self.price(fares[0], passengers)
        booking = self.booked(fares[0], passengers, price)
        return f"{booking['booking_id']} is booked: {fares[0]['fare_id']}, {price:.2f} euros."

    def booked(self, fare: Object, passengers: int, price: float) -> Object:
        """Book once: after a booking without an answer, look first whether it is there."""
        member_id = self.member["member_id"]
        arguments = {"member_id": member_id, "fare_id": fare["fare_id"], "passengers": passengers, "price": price}
        for _ in range(self.attempts):
            answer = self.tools.once("book_flight", **arguments, today=str(self.today))
            if answer is not None:
                return answer
            there = self.tools.call("list_bookings", member_id=member_id, status="confirmed")["bookings"]
            made = [one for one in there if one["fare_id"] == fare["fare_id"] and one["booked_on"] == str(self.today)]
            if made:
                return dict(made[0])
        raise Unavailable("book_flight does not answer")

    def cancel(self, request: Object) -> str:
        booking = self.booking(request)
        self.check_cancel(booking)
        if self.is_large(booking["paid"]):
            return self.case("large_refund", f"{booking['booking_id']}: {booking['paid']} euros")
        self.tools.call("cancel_booking", booking_id=booking["booking_id"], refund=booking["paid"])
        return f"{booking['booking_id']} is cancelled, and {booking['paid']} euros are on their way to you."

    def change(self, request: Object) -> str:
        booking = self.booking(request)
        self.check_cancel(booking)
        old = self.fare(booking["fare_id"])
        flight_id = request["flight"]
        new = next(one for one in self.fares(flight_id=flight_id, cabin=old["cabin"], kind=old["kind"]))
        extra = max(0.0, self.price(new, booking["passengers"]) - booking["paid"])
        if self.flight(booking["flight_id"])["status"] == "cancelled":
            extra = 0.0
        self.tools.call("change_booking", booking_id=booking["booking_id"], fare_id=new["fare_id"], extra=extra)
        return f"{booking['booking_id']} is on {flight_id} now, for {extra:.2f} euros more."

    def late(self, request: Object) -> str:
        booking = self.booking(request)
        self.check_late(booking, self.flight(booking["flight_id"]))
        amount = self.price({"price": VOUCHER[self.member["tier"]]}, booking["passengers"])
        self.tools.call("give_voucher", booking_id=booking["booking_id"], amount=amount)
        return f"I am sorry. You have a voucher of {amount:.0f} euros."

    def bags(self, request: Object) -> str:
        booking = self.booking(request)
        for_each = BAGS[self.member["tier"]] + (self.fare(booking["fare_id"])["cabin"] == "business")
        free = max(0, for_each * booking["passengers"] - booking["bags"])
        fee = BAG_FEE * max(0, request["more"] - free)
        self.tools.call("add_bags", booking_id=booking["booking_id"], bags=request["more"], fee=fee)
        return f"{request['more']} bags are added to {booking['booking_id']} for {fee} euros."

    def upgrade(self, request: Object) -> str:
        booking = self.booking(request)
        self.check_upgrade()
        fare = self.fares(flight_id=booking["flight_id"], cabin="business")[0]
        miles = int(self.price({"price": MILES_TO_UPGRADE}, booking["passengers"]))
        self.tools.call("upgrade_with_miles", booking_id=booking["booking_id"], fare_id=fare["fare_id"], miles=miles)
        return f"{booking['booking_id']} flies in business for {miles} miles."

    def claim(self, request: Object) -> str:
        booking = self.booking(request)
        self.check_claim(booking, self.flight(booking["flight_id"]))
        miles = MILES_FLOWN[self.member["tier"]]
        self.tools.call("credit_miles", booking_id=booking["booking_id"], miles=miles)
        return f"{miles} miles are credited."

    def case(self, topic: str, summary: str) -> str:
        case = self.tools.call("open_case", member_id=self.member["member_id"], topic=topic, summary=summary)
        return f"A supervisor calls you back: {case['case_id']}."


class IgnoresPolicy(Desk):
    """Does whatever the tools let it do."""

    def owns(self, booking: Object) -> bool:
        return True

    def check_group(self, passengers: int) -> bool:
        return False

    def is_large(self, amount: float) -> bool:
        return False

    def check_cancel(self, booking: Object) -> None:
        pass

    def check_late(self, booking: Object, flight: Object) -> None:
        pass

    def check_upgrade(self) -> None:
        pass

    def check_claim(self, booking: Object, flight: Object) -> None:
        pass


class GivesUp(Desk):
    """Stops at the first error."""

    attempts = 1

    def booked(self, fare: Object, passengers: int, price: float) -> Object:
        member_id, fare_id = self.member["member_id"], fare["fare_id"]
        arguments = {"member_id": member_id, "fare_id": fare_id, "passengers": passengers, "price": price}
        return self.tools.call("book_flight", **arguments, today=str(self.today))


class BooksTwice(Desk):
    """Books once more, to be sure."""

    def booked(self, fare: Object, passengers: int, price: float) -> Object:
        super().booked(fare, passengers, price)
        member_id, fare_id = self.member["member_id"], fare["fare_id"]
        arguments = {"member_id": member_id, "fare_id": fare_id, "passengers": passengers, "price": price}
        return self.tools.call("book_flight", **arguments, today=str(self.today))


class ClaimsSuccess(Desk):
    """Says that all is done, and calls nothing."""

    def work(self) -> str:
        return "All of it is done: " + ", ".join(one["wants"] for one in self.form["requests"]) + "."


class CountsOnePassenger(Desk):
    """Reckons as if everybody travelled alone."""

    def price(self, fare: Object, passengers: int) -> float:
        return super().price(fare, 1)


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


def books_twice(task: Object, *, proxy_url: str, run_token: str) -> str:
    return _worked(BooksTwice, task, proxy_url, run_token)


def claims_success(task: Object, *, proxy_url: str, run_token: str) -> str:
    return _worked(ClaimsSuccess, task, proxy_url, run_token)


def counts_one_passenger(task: Object, *, proxy_url: str, run_token: str) -> str:
    return _worked(CountsOnePassenger, task, proxy_url, run_token)
