using System.Linq.Expressions;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace VBackup.Portal.Api;

/// <summary>What a list sends: some of its things, and where to go on.</summary>
/// <param name="Next">The cursor of what follows; null at the end.</param>
public sealed record Page<TView>(IReadOnlyList<TView> Items, string? Next);

/// <summary>The parameters that a list understands.</summary>
/// <param name="Filters">Each is a parameter of its own.</param>
public sealed record ListParameters(IReadOnlyList<string> Orders, IReadOnlyList<string> Filters);

/// <summary>
/// How the things of a list can be ordered and filtered. A page begins behind the last thing of the one before, by the order's key and the
/// thing's own, so what comes or goes meanwhile neither doubles nor hides others. Thread-safe.
/// </summary>
/// <param name="Default">The order of those who ask for none; <c>-</c> in front turns it round.</param>
public sealed class Listing<TRow>(string Default, IReadOnlyList<ListOrder<TRow>> orders, params IReadOnlyList<string> filters)
{
    public ListParameters Parameters { get; } = new([.. orders.SelectMany(order => new[] { order.Name, "-" + order.Name })], filters);

    /// <param name="rows">Only those that the caller may see, filtered.</param>
    public async Task<IResult> AnswerAsync<TView>(HttpContext http, IQueryable<TRow> rows, Func<TRow, TView> view) =>
        (await PageAsync(http.Request.Query, rows, view, http.RequestAborted).ConfigureAwait(false)).Answer(TypedResults.Ok);

    /// <inheritdoc cref="AnswerAsync"/>
    public async Task<Outcome<Page<TView>>> PageAsync<TView>(IQueryCollection parameters, IQueryable<TRow> rows, Func<TRow, TView> view,
        CancellationToken cancellation)
    {
        var asked = ListQuery.Read(parameters, Parameters, Default);
        if (asked.Refusal is { } refusal) return refusal;
        var query = asked.Query!;
        var order = orders.Single(one => one.Name == query.Order);
        if (query.After is { } after)
        {
            if (order.After(rows, after, query.IsDescending) is not { } rest) return ListQuery.WrongCursor;
            rows = rest;
        }
        var found = await order.TakeAsync(rows, query.IsDescending, query.Limit + 1, cancellation).ConfigureAwait(false);
        var hasMore = found.Count > query.Limit;
        if (hasMore) found.RemoveAt(query.Limit);
        return new Page<TView>([.. found.Select(view)], hasMore ? query.CursorBehind(order.KeysOf(found[^1])) : null);
    }
}

/// <summary>One order of a list.</summary>
public abstract class ListOrder<TRow>
{
    private protected ListOrder(string name) => Name = name;

    public string Name { get; }

    /// <summary>Null when the keys are not of this order.</summary>
    internal abstract IQueryable<TRow>? After(IQueryable<TRow> rows, JsonElement keys, bool isDescending);

    internal abstract Task<List<TRow>> TakeAsync(IQueryable<TRow> rows, bool isDescending, int count, CancellationToken cancellation);

    internal abstract JsonElement KeysOf(TRow row);
}

/// <summary>An order by a key, and where keys are equal, by another that is unique.</summary>
public sealed class ListOrder<TRow, TKey, TUnique>(string name, Expression<Func<TRow, TKey>> key, Expression<Func<TRow, TUnique>> unique)
    : ListOrder<TRow>(name)
{
    readonly Func<TRow, TKey> _key = key.Compile();
    readonly Func<TRow, TUnique> _unique = unique.Compile();

    internal override IQueryable<TRow>? After(IQueryable<TRow> rows, JsonElement keys, bool isDescending)
    {
        Keys last;
        try
        {
            last = keys.Deserialize<Keys>() ?? throw new JsonException("There are no keys.");
        }
        catch (JsonException)
        {
            return null;
        }
        var row = key.Parameters[0];
        var ofKey = key.Body;
        var ofUnique = new Renamed(unique.Parameters[0], row).Visit(unique.Body);
        var (lastKey, lastUnique) = (Parameter(last, nameof(Keys.Key)), Parameter(last, nameof(Keys.Unique)));
        var isAfter = Expression.OrElse(
            Behind(ofKey, lastKey, isDescending),
            Expression.AndAlso(Expression.Equal(ofKey, lastKey), Behind(ofUnique, lastUnique, isDescending)));
        return rows.Where(Expression.Lambda<Func<TRow, bool>>(isAfter, row));
    }

    internal override Task<List<TRow>> TakeAsync(IQueryable<TRow> rows, bool isDescending, int count, CancellationToken cancellation) =>
        Microsoft.EntityFrameworkCore.EntityFrameworkQueryableExtensions.ToListAsync(
            (isDescending ? rows.OrderByDescending(key).ThenByDescending(unique) : rows.OrderBy(key).ThenBy(unique)).Take(count),
                cancellation);

    internal override JsonElement KeysOf(TRow row) =>
        JsonSerializer.SerializeToElement(new Keys { Key = _key(row), Unique = _unique(row) });

    /// <summary>The database compares; ids and texts have no such operator in C#, so one is named that nobody calls.</summary>
    static BinaryExpression Behind(Expression left, Expression right, bool isDescending)
    {
        var never = typeof(ListOrder<TRow, TKey, TUnique>).GetMethod(nameof(ComparedByDatabase),
            System.Reflection.BindingFlags.NonPublic | System.Reflection.BindingFlags.Static)!.MakeGenericMethod(left.Type);
        return isDescending ? Expression.LessThan(left, right, false, never) : Expression.GreaterThan(left, right, false, never);
    }

    static bool ComparedByDatabase<T>(T left, T right) =>
        throw new InvalidOperationException($"{typeof(T).Name} was to be compared by the database: {left}, {right}.");

    /// <summary>A member of an object becomes a parameter of the statement, whose text stays the same for every page.</summary>
    static MemberExpression Parameter(Keys keys, string member) => Expression.Property(Expression.Constant(keys), member);

    sealed class Keys
    {
        public required TKey Key { get; init; }
        public required TUnique Unique { get; init; }
    }

    sealed class Renamed(ParameterExpression from, ParameterExpression to) : ExpressionVisitor
    {
        protected override Expression VisitParameter(ParameterExpression node) => node == from ? to : node;
    }
}
